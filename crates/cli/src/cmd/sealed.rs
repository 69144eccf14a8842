//! `sealed`: sealed types and their records.

use serde_json::{Map, Value, json};
use tozstore::{
    ClientId, CompleteOptions, Fields, HeldReason, Known, Rights, SealedClient, SealedRecord, ShareFrom,
    Timestamp, TypeOptions,
};

use super::Context;
use super::record::fields_of;
use crate::args::{
    SealedCommand, SealedCreateArguments, SealedDeleteArguments, SealedListArguments, SealedReadArguments,
    SealedRevokeArguments, SealedRight, SealedRotateArguments, SealedShareArguments, SealedTypeArguments,
    SealedUpdateArguments, SealedWriteArguments,
};
use crate::exit::{Code, Failure, Outcome};
use crate::field::collect_fields;
use crate::output::Output;

/// Runs one of the commands.
pub async fn run(command: SealedCommand, context: &Context) -> Outcome {
    context
        .with_sealed(async |sealed| match command {
            SealedCommand::Create(arguments) => create(sealed, &arguments, context.output).await,
            SealedCommand::Write(arguments) => write(sealed, arguments, context.output).await,
            SealedCommand::Read(arguments) => read(sealed, &arguments, context.output).await,
            SealedCommand::Update(arguments) => update(sealed, arguments, context.output).await,
            SealedCommand::Delete(arguments) => delete(sealed, &arguments, context.output).await,
            SealedCommand::List(arguments) => list(sealed, &arguments, context.output).await,
            SealedCommand::Share(arguments) => share(sealed, &arguments, context.output).await,
            SealedCommand::Revoke(arguments) => revoke(sealed, &arguments, context.output).await,
            SealedCommand::Rotate(arguments) => rotate(sealed, &arguments, context.output).await,
            SealedCommand::Readers(arguments) => readers(sealed, &arguments, context.output).await,
        })
        .await
}

impl SealedTypeArguments {
    fn writer(&self, sealed: &SealedClient) -> ClientId {
        self.writer.unwrap_or(sealed.id())
    }
}

async fn create(sealed: &SealedClient, arguments: &SealedCreateArguments, output: Output) -> Outcome {
    let SealedCreateArguments { record_type, hide_names, verified_only } = arguments;
    let options = TypeOptions { hides_names: *hide_names, is_verified_only: *verified_only };
    sealed.create_type(record_type, options).await?;
    let document = json!({ "type": record_type, "hides_names": hide_names, "verified_only": verified_only });
    done(output, &document, &format!("{record_type} is a sealed type"))
}

async fn write(sealed: &SealedClient, arguments: SealedWriteArguments, output: Output) -> Outcome {
    let SealedWriteArguments { of, content } = arguments;
    let fields = fields_of(&content)?;
    if fields.is_empty() {
        return Err(Failure::new(
            Code::Usage,
            "a record needs at least one field",
            "give name=value, name=@file, name=- or --from-json FILE",
        ));
    }
    let plain = content.plain.into_iter().map(|entry| (entry.name, entry.value)).collect();
    let record = sealed.write_in(of.writer(sealed), &of.record_type, fields, plain).await?;
    if output.is_json() {
        return output.document(&json!({ "record_id": record.id(), "version": record.version() }));
    }
    output.line(&record.id().to_string())
}

async fn read(sealed: &SealedClient, arguments: &SealedReadArguments, output: Output) -> Outcome {
    let SealedReadArguments { place, field, raw } = arguments;
    let record = sealed.read(place.of.writer(sealed), &place.of.record_type, place.record).await?;
    if record.is_deleted() {
        return Err(Failure::new(
            Code::NotFound,
            format!("record {} was deleted by its writer", place.record),
            "list what there is: tozstore sealed list TYPE",
        ));
    }
    let Some(name) = field else { return show(&record, true, None, output) };
    let value = record.field(name).ok_or_else(|| no_field(name))?;
    if *raw { output.bytes(value.as_bytes()) } else { show(&record, true, Some(name), output) }
}

async fn update(sealed: &SealedClient, arguments: SealedUpdateArguments, output: Output) -> Outcome {
    let SealedUpdateArguments { place, fields, from_json, remove, version } = arguments;
    let changes = collect_fields(&fields, from_json.as_deref())?;
    if changes.is_empty() && remove.is_empty() {
        return Err(Failure::new(
            Code::Usage,
            "there is nothing to change",
            "give fields, --from-json or --remove",
        ));
    }
    let record = sealed.read(place.of.writer(sealed), &place.of.record_type, place.record).await?;
    if version.is_some_and(|version| version != record.version()) {
        return Err(tozstore::Error::Conflict.into());
    }
    let mut all = Fields::default();
    for field in record.fields() {
        let value = field.expose_text().ok_or_else(|| {
            Failure::new(
                Code::Failed,
                format!("the field {:?} holds bytes, not text", field.name),
                "change this record with the program that wrote it",
            )
        })?;
        all.insert(&field.name, value);
    }
    for name in &remove {
        if !all.remove(name) {
            return Err(no_field(name));
        }
    }
    for (name, value) in changes.iter() {
        all.insert(name, value);
    }
    let record = sealed.update(&record, all).await?;
    if output.is_json() {
        return output.document(&json!({ "record_id": record.id(), "version": record.version() }));
    }
    output.line(&record.version().to_string())
}

async fn delete(sealed: &SealedClient, arguments: &SealedDeleteArguments, output: Output) -> Outcome {
    let SealedDeleteArguments { record_type, record: id } = arguments;
    let record = sealed.read(sealed.id(), record_type, *id).await?;
    if !record.is_deleted() {
        sealed.delete(&record).await?;
    }
    done(output, &json!({ "record_id": id, "deleted": true }), "deleted")
}

async fn list(sealed: &SealedClient, arguments: &SealedListArguments, output: Output) -> Outcome {
    let SealedListArguments { of, limit, data } = arguments;
    let (mut count, mut rows, mut after) = (0, Vec::new(), Some(0));
    'pages: while let Some(from) = after {
        let page = sealed.list(of.writer(sealed), &of.record_type, from).await?;
        after = page.next;
        for record in page.records {
            if count == *limit {
                output.remark(&format!("there are more than {limit} records: raise --limit"));
                break 'pages;
            }
            count += 1;
            if output.is_json() || *data {
                if count > 1 && !output.is_json() {
                    output.line("")?;
                }
                show(&record, *data, None, output)?;
            } else {
                let (version, written) = (record.version().to_string(), written(&record).to_string());
                rows.push([record.id().to_string(), version, record.author().to_string(), written]);
            }
        }
    }
    if count == 0 {
        output.remark("no records");
    }
    if rows.is_empty() { Ok(()) } else { output.table(["RECORD", "VERSION", "AUTHOR", "WRITTEN"], &rows) }
}

async fn share(sealed: &SealedClient, arguments: &SealedShareArguments, output: Output) -> Outcome {
    let SealedShareArguments { of, with, from_now, can } = arguments;
    let rights = can.iter().fold(Rights::READ, |rights, right| {
        rights.with(match right {
            SealedRight::Edit => Rights::EDIT,
            SealedRight::Share => Rights::SHARE,
            SealedRight::Revoke => Rights::REVOKE,
            SealedRight::Rotate => Rights::ROTATE,
        })
    });
    let from = if *from_now { ShareFrom::Now } else { ShareFrom::Beginning };
    let shared = sealed.grant(of.writer(sealed), &of.record_type, with, rights, from).await?;
    let (known, told) = match shared.known {
        Known::FirstContact => {
            ("first_contact", "first contact, unverified: compare the fingerprint with it")
        }
        Known::Continued => ("continued", "the keys continue from those that were seen before"),
        Known::Compared => ("compared", "the keys were compared"),
    };
    let (reader, fingerprint) = (with.client, shared.fingerprint.to_string());
    let document = json!({
        "shared": true, "type": of.record_type, "writer_id": of.writer(sealed), "reader_id": reader,
        "fingerprint": fingerprint, "known": known,
    });
    done(
        output,
        &document,
        &format!("{reader} can read {}\nfingerprint {fingerprint}: {told}", of.record_type),
    )
}

async fn revoke(sealed: &SealedClient, arguments: &SealedRevokeArguments, output: Output) -> Outcome {
    let SealedRevokeArguments { of, from: reader } = arguments;
    let entry = sealed.revoke_in(of.writer(sealed), &of.record_type, *reader).await?;
    let document = json!({
        "shared": false, "type": of.record_type, "writer_id": of.writer(sealed), "reader_id": reader,
        "changed": entry.is_some(),
    });
    let told = match entry {
        Some(_) => format!(
            "what is written to {} from now on opens with nothing that {reader} ever held",
            of.record_type
        ),
        None => format!("{reader} held nothing of {}", of.record_type),
    };
    done(output, &document, &told)
}

async fn rotate(sealed: &SealedClient, arguments: &SealedRotateArguments, output: Output) -> Outcome {
    let of = &arguments.of;
    if arguments.complete {
        return complete(sealed, arguments, output).await;
    }
    let entry = sealed.rotate(of.writer(sealed), &of.record_type).await?;
    let document =
        json!({ "type": of.record_type, "writer_id": of.writer(sealed), "position": entry.position });
    done(output, &document, &format!("{} has new keys", of.record_type))
}

async fn complete(sealed: &SealedClient, arguments: &SealedRotateArguments, output: Output) -> Outcome {
    let SealedRotateArguments { of, keys_per_second, accept, complete: _ } = arguments;
    let options = CompleteOptions { keys_per_s: *keys_per_second, accept: accept.iter().copied().collect() };
    let show = |at: tozstore::CompletionProgress| {
        output.passing(&format!("{} records are under the newest keys, {} are left", at.rewrapped, at.left));
    };
    let done = sealed.complete(of.writer(sealed), &of.record_type, &options, show).await;
    output.passing("");
    let mut done = done?;
    // The writer says what there is now; for others it is done.
    let counted = if done.held.is_empty() && of.writer(sealed) == sealed.id() {
        let taken = sealed.take_census(&of.record_type, &options.accept).await?;
        done.held = taken.held;
        taken.entry.map(|entry| (entry.position, taken.count))
    } else {
        None
    };
    let reason = |reason| match reason {
        HeldReason::AuthorRevoked => "author_revoked",
        HeldReason::NotSigned => "not_signed",
        HeldReason::Unreadable => "unreadable",
    };
    if output.is_json() {
        let held = done.held.iter().map(|held| {
            json!({ "record_id": held.record, "author_id": held.author, "reason": reason(held.reason) })
        });
        let held: Vec<_> = held.collect();
        output.document(&json!({
            "type": of.record_type, "writer_id": of.writer(sealed), "rewrapped": done.rewrapped, "held": held,
            "position": counted.map(|(position, _)| position), "counted": counted.map(|(_, count)| count),
        }))?;
    } else {
        let rows: Vec<_> = done
            .held
            .iter()
            .map(|held| [held.record.to_string(), held.author.to_string(), reason(held.reason).to_owned()])
            .collect();
        if !rows.is_empty() {
            output.table(["RECORD", "AUTHOR", "REASON"], &rows)?;
        }
        output.remark(&format!("{} records were brought under the newest keys", done.rewrapped));
        if let Some((_, count)) = counted {
            output.remark(&format!("{count} records were counted: tozstore trust verify {}", of.record_type));
        }
    }
    if done.held.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        Code::Untrusted,
        format!("{} records still hang on older keys", done.held.len()),
        "write or delete them anew; what an author wrote before it was revoked, --accept takes",
    ))
}

async fn readers(sealed: &SealedClient, of: &SealedTypeArguments, output: Output) -> Outcome {
    let grants = sealed.grants(of.writer(sealed), &of.record_type).await?;
    let mut rows = Vec::new();
    for grant in grants {
        let mut rights = vec!["read"];
        for (right, name) in [
            (Rights::EDIT, "edit"),
            (Rights::SHARE, "share"),
            (Rights::REVOKE, "revoke"),
            (Rights::ROTATE, "rotate"),
        ] {
            if grant.rights.contain(right) {
                rights.push(name);
            }
        }
        if output.is_json() {
            output.document(&json!({
                "client_id": grant.client, "can": rights, "from_segment": grant.from_segment,
                "given_by": grant.given_by,
            }))?;
        } else {
            let from = if grant.from_segment == 0 { "the beginning" } else { "its share on" };
            rows.push([grant.client.to_string(), rights.join(", "), from.to_owned()]);
        }
    }
    if output.is_json() {
        return Ok(());
    }
    if rows.is_empty() {
        output.remark("nobody");
        return Ok(());
    }
    output.table(["CLIENT", "CAN", "READS FROM"], &rows)
}

/// A record; with `only`, of its fields this one.
fn show(record: &SealedRecord, with_data: bool, only: Option<&str>, output: Output) -> Outcome {
    let fields = record.fields().iter().filter(|field| only.is_none_or(|only| only == field.name));
    let fields: Vec<_> =
        fields.map(|field| (field.name.as_str(), field.expose_text().unwrap_or("(bytes)"))).collect();
    let data = with_data.then(|| fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    let plain = record.plain().iter().map(|(name, value)| (name.clone(), json!(value)));
    let document = json!({
        "record_id": record.id(),
        "type": record.record_type(),
        "writer_id": record.writer(),
        "author_id": record.author(),
        "author_revoked": record.is_author_revoked(),
        "version": record.version(),
        "written": written(record),
        "plain": Value::Object(plain.collect()),
        "data": data.map(Iterator::collect::<Map<_, _>>),
    });
    let mut author = record.author().to_string();
    if record.is_author_revoked() {
        author.push_str(" (may write no more; perhaps it wrote this afterwards, with the server's help)");
    }
    let plain: Vec<_> = record.plain().iter().map(|(name, value)| format!("{name}={value}")).collect();
    let pairs = [
        ("record", record.id().to_string()),
        ("type", record.record_type().to_owned()),
        ("writer", record.writer().to_string()),
        ("author", author),
        ("version", record.version().to_string()),
        ("written", written(record).to_string()),
        ("plain", plain.join(", ")),
    ];
    output.pairs(&document, &pairs)?;
    if output.is_json() || !with_data { Ok(()) } else { output.section("fields", fields) }
}

/// By the author's clock.
fn written(record: &SealedRecord) -> Timestamp {
    let micros = i64::try_from(record.written_ms()).ok().and_then(|ms| ms.checked_mul(1000));
    Timestamp::from_micros(micros.unwrap_or_default()).representable()
}

fn no_field(name: &str) -> Failure {
    let what = format!("the record has no field {name:?}");
    Failure::new(Code::NotFound, what, "see which it has: tozstore sealed read TYPE RECORD")
}

fn done(output: Output, document: &Value, remark: &str) -> Outcome {
    if output.is_json() {
        return output.document(document);
    }
    remark.lines().for_each(|line| output.remark(line));
    Ok(())
}
