//! What a revoked client makes of a copy of the server's database: of an interop type, and of a sealed one.

use std::path::{Path, PathBuf};

use tozstore::{
    Client, Contact, MemoryStateStore, RecordId, SealedClient, SealedTypeRows, ShareFrom, fields,
};
use tozstore_server::store::DatabaseCopy;

use super::{RECORD_TYPE, SECRETS, Story, broken};
use crate::exit::{Code, Failure, Outcome};

const SEALED_TYPE: &str = "letter";
const FIELD: &str = "text";
const BEFORE: &str = "written while Bob may read";
const AFTER: &str = "written after Bob was revoked";
/// Files of the embedded database: it, and what was written last.
const DATABASE_FILES: [&str; 2] = ["tozstore.db", "tozstore.db-wal"];

/// The steps after Bob's share of the interop type was revoked.
pub(super) async fn tell(story: &mut Story, clients: (&Client, &Client), data: &Path, to: &Path) -> Outcome {
    let (alice, bob) = clients;
    story.step(&format!(
        "Now a sealed type, {SEALED_TYPE:?}. Alice shares it with Bob, by a contact card that he gave her, and he reads."
    ))?;
    let sealed = (alice.sealed(MemoryStateStore::new()).await?, bob.sealed(MemoryStateStore::new()).await?);
    let (sealed_alice, sealed_bob) = (&sealed.0, &sealed.1);
    let before = sealed_alice.write(SEALED_TYPE, fields! { FIELD => BEFORE }).await?;
    let card: Contact = sealed_bob.contact_card("Bob")?.to_string().parse()?;
    sealed_alice.share(SEALED_TYPE, &card, ShareFrom::Beginning).await?;
    let read = sealed_bob.read(alice.id(), SEALED_TYPE, before.id()).await?;
    if read.field(FIELD) != Some(BEFORE) {
        return Err(broken("the sealed record is not what was written"));
    }
    story.fact(&format!("fingerprint {}, compared", sealed_bob.fingerprint()))?;
    story.fact(&format!("{FIELD:<5}  {BEFORE}"))?;

    story
        .step("Alice revokes it: one signed entry in the type's log, with a new key for those who remain.")?;
    sealed_alice.revoke(SEALED_TYPE, bob.id()).await?;
    match sealed_bob.read(alice.id(), SEALED_TYPE, before.id()).await {
        Err(error @ tozstore::Error::NotFound(_)) => story.fact(&format!("refused: {error}"))?,
        Err(error) => return Err(error.into()),
        Ok(_) => return Err(broken("a sealed record was read that is not shared")),
    }

    story.step("Alice writes once more in each of the two types. Bob may read neither.")?;
    let interop = alice.write(RECORD_TYPE, SECRETS).await?.id();
    let after = sealed_alice.write(SEALED_TYPE, fields! { FIELD => AFTER }).await?;

    story.step("The worst case: the whole database of the server leaks, and Bob gets it. He tries all keys that he ever held.")?;
    let copy = DatabaseCopy::open(&copied(data, to)?).map_err(unreadable)?;
    let data = copy.record_data(interop).await.map_err(unreadable)?;
    let data = data.ok_or_else(|| broken("the copy of the database has no record"))?;
    let opened = bob.open_leaked(alice.id(), RECORD_TYPE, interop, &data).await?;
    if SECRETS.iter().any(|(name, value)| opened.value(name) != Some(value)) {
        return Err(broken("an interop record does not open with the key of its type"));
    }
    let name = SEALED_TYPE.parse().map_err(|_| broken("the sealed type has no name"))?;
    let rows = copy.sealed_type(alice.id(), name).await.map_err(unreadable)?;
    let found = try_all(sealed_bob, sealed_alice, &rows, [before.id(), after.id()]).await?;
    if found != [Some(BEFORE.to_owned()), None] {
        return Err(broken("a revoked client opens other records than those from before"));
    }
    story.fact(&format!(
        "{RECORD_TYPE:<8} after the revocation   opens: {:?}. The key of an interop type never changes",
        SECRETS[0].1
    ))?;
    story.fact(&format!(
        "{SEALED_TYPE:<8} before the revocation  opens: he could read it then, and may have kept it"
    ))?;
    story.fact(&format!("{SEALED_TYPE:<8} after the revocation   stays closed"))?;

    story.step(
        "Alice opens both letters out of the same copy: it is all there, and only the key is missing to Bob.",
    )?;
    let found = try_all(sealed_alice, sealed_alice, &rows, [before.id(), after.id()]).await?;
    if found != [Some(BEFORE.to_owned()), Some(AFTER.to_owned())] {
        return Err(broken("the writer does not open its own records"));
    }
    story.fact(&format!("{BEFORE:?}, {AFTER:?}"))
}

/// What a client opens of two records.
async fn try_all(
    client: &SealedClient,
    writer: &SealedClient,
    rows: &SealedTypeRows,
    wanted: [RecordId; 2],
) -> Outcome<[Option<String>; 2]> {
    let records = client.open_leaked(writer.id(), SEALED_TYPE, rows).await?;
    let text = |id| {
        let record = records.iter().find(|record| record.id == id)?;
        record.fields.as_ref()?.first()?.expose_text().map(str::to_owned)
    };
    if wanted.iter().any(|id| !records.iter().any(|record| record.id == *id)) {
        return Err(broken("the copy of the database lacks a sealed record"));
    }
    Ok(wanted.map(text))
}

fn copied(data: &Path, to: &Path) -> Outcome<PathBuf> {
    std::fs::create_dir(to).map_err(unreadable)?;
    for name in DATABASE_FILES {
        if data.join(name).exists() {
            std::fs::copy(data.join(name), to.join(name)).map_err(unreadable)?;
        }
    }
    Ok(to.join(DATABASE_FILES[0]))
}

fn unreadable(error: impl std::fmt::Display) -> Failure {
    Failure::new(Code::Failed, format!("cannot copy the server's database: {error}"), "please report it")
}
