//! Sharing and taking back, which hold at once on every server; and notes, whose requests are signed.

use std::sync::Arc;

use tozstore::{Client, fields};

use crate::ledger::{Failed, Ledger};

const TYPE: &str = "shared";

/// Shares a type and takes the share back. Both may be repeated.
pub(crate) async fn share(ledger: Arc<Ledger>, client: Client, reader: Client) {
    let write = || client.write(TYPE, fields! { "value" => "for the reader" }).into_future();
    let Ok(record) = ledger.settle("write", write).await else { return };
    while !ledger.is_over() {
        if ledger.settle("share", || client.share(TYPE, reader.id())).await.is_err() {
            continue;
        }
        let read = ledger.settle("read what is shared", || reader.read(record.id())).await;
        ledger.check(read.is_ok(), || "what is shared cannot be read".to_owned());
        if ledger.settle("revoke", || client.revoke(TYPE, reader.id())).await.is_err() {
            continue;
        }
        let read = ledger.settle("read what is not", || reader.read(record.id())).await.map(drop);
        ledger.check(read == Err(Failed::NotFound), || format!("what was taken back: {read:?}"));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Writes notes, asks about them, and deletes them.
pub(crate) async fn notes(ledger: Arc<Ledger>, client: Client) {
    while !ledger.is_over() {
        let write = client.write_note(client.id(), fields! { "text" => "a note" }).into_future();
        let Ok(note) = ledger.call("write a note", write).await else { continue };
        let views = ledger.settle("views of a note", || client.note_views(note.id)).await.map(drop);
        ledger.check(views == Ok(()), || format!("a note was acknowledged, and lost: {views:?}"));
        let deleted = ledger.settle("delete a note", || client.delete_note(note.id)).await;
        // Of a deletion that was not settled at first, the next one finds nothing.
        ledger
            .check(matches!(deleted, Ok(()) | Err(Failed::NotFound)), || format!("a deletion: {deleted:?}"));
        let views = ledger.settle("views of a note", || client.note_views(note.id)).await.map(drop);
        ledger.check(views == Err(Failed::NotFound), || format!("a deleted note is there: {views:?}"));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
