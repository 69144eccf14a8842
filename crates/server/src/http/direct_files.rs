//! Files whose bytes clients send to the store of bytes, and fetch there, themselves: this server never sees them.
//!
//! What was sent lies under a key of its own, and is looked at only when it is committed. The address that it was sent
//! to holds for longer than that, and whoever has it can send something else there. So what is kept is a copy under a
//! fresh key, made by the store of bytes: the copy is what is looked at, and nobody was ever given an address to write
//! there. No store needs to know conditional writes for it, which some take and pass over.

use std::sync::Arc;

use tozstore_api::Timestamp;
use tozstore_crypto::{ClientId, FileChecksum, PendingFileId, SealedFile};
use tracing::Instrument as _;

use super::Error;
use super::file_bytes::{FINISH_S, NOT_ANNOUNCED, attach};
use super::files::{BaseUrl, pending};
use crate::App;
use crate::blobs::BlobKey;
use crate::keys::FileTransfer;
use crate::store::{ReadTx, StoreError, WriteTx};

/// Seconds after the last moment at which an upload may begin, in which it ends. Its bytes are removed after that.
const SEND_S: i64 = 86_400;

/// Where the bytes of a pending file are sent: its id is as random as any key, and nothing else has it.
const fn sent_key(id: PendingFileId) -> BlobKey {
    BlobKey::from_bytes(*id.as_bytes())
}

/// From when on what is sent for a pending file may be removed, if it is sent to the store of bytes itself.
pub(super) fn sent_due(app: &App, expires: Timestamp) -> Option<Timestamp> {
    app.blobs.can_sign().then(|| expires.plus_seconds(SEND_S))
}

/// Puts what will be sent for a pending file on the list of what is to be removed. It stays there: what is kept is a copy.
pub(super) fn expect_sent(
    tx: &mut dyn WriteTx,
    id: PendingFileId,
    due: Option<Timestamp>,
) -> Result<(), StoreError> {
    due.map_or(Ok(()), |due| tx.release_blob(sent_key(id), due))
}

/// Where to send the bytes of a pending file.
pub(super) async fn upload_url(
    app: &App,
    base: &BaseUrl,
    id: PendingFileId,
    checksum: &FileChecksum,
    expires: Timestamp,
) -> String {
    let lifetime_s = app.config.files.upload_lifetime_s;
    match app.blobs.upload_url(sent_key(id), checksum, lifetime_s).await {
        Some(url) => url,
        None => base.of(app, FileTransfer::Upload(id), expires),
    }
}

/// Where to fetch the bytes under a key, which `transfer` permits.
pub(super) async fn download_url(app: &App, base: &BaseUrl, key: BlobKey, transfer: FileTransfer) -> String {
    let lifetime_s = app.config.files.download_lifetime_s;
    match app.blobs.download_url(key, lifetime_s).await {
        Some(url) => url,
        None => base.of(app, transfer, app.now().plus_seconds(lifetime_s.into())),
    }
}

/// Gives a pending file the bytes that were sent for it to the store of bytes, if there are any that were not looked at
/// yet. `caller` tells who asks for it; whether they may is for the commit to say, which comes next.
///
/// # Errors
/// They are not those that were announced, and are gone now; or something failed.
pub(super) async fn take_over<F>(app: &Arc<App>, id: PendingFileId, caller: F) -> Result<(), Error>
where
    F: Fn(&dyn ReadTx) -> Result<Option<ClientId>, Error> + Send + 'static,
{
    if !app.blobs.can_sign() {
        return Ok(());
    }
    // To copy a large file takes long. A client that did not wait for it finds it done when it asks again.
    let app = Arc::clone(app);
    let work = async move { look_and_copy(&app, id, caller).await };
    let done = tokio::spawn(work.in_current_span()).await;
    done.map_err(|error| Error::Internal(format!("a commit broke off: {error}").into()))?
}

async fn look_and_copy<F>(app: &App, id: PendingFileId, caller: F) -> Result<(), Error>
where
    F: Fn(&dyn ReadTx) -> Result<Option<ClientId>, Error> + Send + 'static,
{
    let now = app.now();
    let read = move |tx: &dyn ReadTx| {
        let caller = caller(tx)?;
        let announced = tx.pending_file(id)?.filter(|row| now < row.expires);
        Ok::<_, Error>(announced.filter(|row| Some(row.client) == caller && row.key.is_none()))
    };
    let Some(announced) = app.store.read("begin commit", read).await? else { return Ok(()) };
    let expected =
        SealedFile { len_bytes: announced.content.len_bytes, checksum: announced.content.checksum };
    let sent = sent_key(id);
    let Some(len_bytes) = app.blobs.len_bytes(sent).await? else { return Ok(()) };
    // Before it is copied: it can be much longer, if the store of bytes does not look at checksums.
    if len_bytes != expected.len_bytes {
        forget(app, sent).await;
        return Err(NOT_ANNOUNCED);
    }
    let key = BlobKey::new()?;
    let due = announced.expires.plus_seconds(FINISH_S);
    let write = move |tx: &mut dyn WriteTx| {
        pending(tx.as_read(), id, now)?;
        Ok(tx.release_blob(key, due)?)
    };
    app.store.write::<_, Error, _>("begin commit", write).await?;
    if !app.blobs.copy(sent, key, len_bytes).await? {
        return Ok(());
    }
    if !app.blobs.holds(key, &expected).await? {
        forget(app, sent).await;
        forget(app, key).await;
        return Err(NOT_ANNOUNCED);
    }
    attach(app, id, key).await?;
    forget(app, sent).await;
    Ok(())
}

/// Removes bytes that are on the list of what is to be removed, ahead of time.
async fn forget(app: &App, key: BlobKey) {
    if let Err(error) = app.blobs.remove(key).await {
        tracing::warn!(%error, "bytes could not be removed; they are when they are due");
    }
}
