//! `trust`: what this client remembers of sealed types, and the keys of others.

use serde_json::json;
use tozstore::{ClientId, Contact, Fingerprint};

use super::Context;
use crate::args::{ResetArguments, TrustCommand, TrustVerifyArguments};
use crate::exit::{Code, Failure, Outcome};

/// Runs one of the commands.
pub async fn run(command: TrustCommand, context: &Context) -> Outcome {
    match command {
        TrustCommand::Verify(arguments) => {
            // What names no client is the name of a type.
            let Ok(contact) = arguments.what.parse::<Contact>() else {
                return compare(&arguments, context).await;
            };
            let fingerprint =
                context.with_sealed(async |sealed| Ok(sealed.verify_client(&contact).await?)).await?;
            told(context, contact.client, &fingerprint, "verified")
        }
        TrustCommand::Accept(arguments) => {
            let contact = arguments.contact;
            let fingerprint =
                context.with_sealed(async |sealed| Ok(sealed.accept_client(&contact).await?)).await?;
            told(context, contact.client, &fingerprint, "accepted")
        }
        TrustCommand::Reset(arguments) => reset(&arguments, context).await,
    }
}

async fn compare(arguments: &TrustVerifyArguments, context: &Context) -> Outcome {
    let TrustVerifyArguments { what, writer } = arguments;
    context
        .with_sealed(async |sealed| {
            let writer = writer.unwrap_or(sealed.id());
            let compared = sealed.verify_type(writer, what).await?;
            if context.output.is_json() {
                return context.output.document(&json!({
                    "type": what, "writer_id": writer, "position": compared.entry.position,
                    "counted": compared.count, "compared": compared.compared,
                }));
            }
            context.output.remark(&format!(
                "all {} records of {what} that were counted, and that this client may see, are there",
                compared.compared
            ));
            Ok(())
        })
        .await
}

async fn reset(arguments: &ResetArguments, context: &Context) -> Outcome {
    let ResetArguments { record_type, writer, yes } = arguments;
    let question =
        format!("Take what the server shows next of type {record_type}, whatever was seen before?");
    if !yes && !context.output.confirm(&question)? {
        return Err(Failure::new(
            Code::Failed,
            "nothing was forgotten",
            "make sure that the server was restored, then give --yes",
        ));
    }
    context
        .with_sealed(async |sealed| {
            let writer = writer.unwrap_or(sealed.id());
            sealed.forget_type(writer, record_type).await?;
            if context.output.is_json() {
                let document = json!({ "type": record_type, "writer_id": writer, "reset": true });
                return context.output.document(&document);
            }
            context.output.remark("forgotten");
            Ok(())
        })
        .await
}

fn told(context: &Context, client: ClientId, fingerprint: &Fingerprint, what: &str) -> Outcome {
    if context.output.is_json() {
        let document = json!({ "client_id": client, "fingerprint": fingerprint.to_string(), "known": what });
        return context.output.document(&document);
    }
    context.output.remark(&format!("the keys {fingerprint} of client {client} are {what}"));
    Ok(())
}
