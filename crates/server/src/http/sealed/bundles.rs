//! Bundles of keys: `/v3/clients/{client_id}/bundles` and `/v3/bundles`.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use tozstore_api::paths;
use tozstore_api::sealed::{
    BundleHead, BundleHeads, BundlePage, BundlesOf, MAX_BUNDLES_PER_PAGE, MAX_SEALED_ANSWER_BYTES,
    SealedErrorCode,
};
use tozstore_crypto::sealed::{BundleChain, BundleLink};
use tozstore_crypto::{ClientId, StoreId};

use super::call::{BundlePut, Putter};
use super::{Call, Encoding, Failure, put_status};
use crate::App;
use crate::policy::living_client;
use crate::store::{
    BundleRow, Change, ChangeKind, ClientRow, ReadTx, WriteTx, bundle, bundles_after, insert_bundle,
    newest_bundle,
};

/// Bundles that one client may make in a day: one made because keys were lost makes others rotate.
const MAX_BUNDLES_PER_DAY: u32 = 10;
const MICROS_PER_DAY: i64 = 86_400_000_000;
/// Bytes of a bundle with its signatures, and more.
const LINK_BYTES: usize = 2 << 10;

/// Puts a bundle in its place in a client's chain.
///
/// The first comes with an access token or a request signature, and is endorsed by the key that the client is registered
/// with. Later ones are signed for by the bundle before, and sent in requests that are signed with the key of the bundle
/// itself. The same bundle again is 200.
#[utoipa::path(
    put, path = paths::SEALED_BUNDLE,
    request_body(content = Vec<u8>, content_type = "application/vnd.tozstore.sealed"),
    responses((status = 201), (status = 200), (status = 409)),
    security(("client" = []), ("signature" = []), ("sealed" = []))
)]
pub async fn put(State(app): State<Arc<App>>, put: BundlePut) -> Result<StatusCode, Failure> {
    let BundlePut { putter, place: (client, sequence), link } = put;
    let store = app.store.id();
    let object = link.bundle().object();
    if (object.store, object.client, object.sequence) != (store, client, sequence) {
        return Err(Failure::bad(SealedErrorCode::Malformed, "the bundle is of another place than the path"));
    }
    let write = move |tx: &mut dyn WriteTx| {
        let row = putting_client(tx.as_read(), putter, client)?;
        if let Some(there) = bundle(tx.as_read(), client, sequence)? {
            if there.link == link {
                return Ok(put_status(false));
            }
            let text = "another bundle has this place; go on from it, or compare it";
            return Err(Failure::conflict(SealedErrorCode::BundleMoved, text)
                .with(|body| body.digest = Some(there.link.bundle().digest())));
        }
        verify(tx.as_read(), store, &row, putter, &link)?;
        let now = tx.stamp()?;
        if let Some(early) = sequence.checked_sub(MAX_BUNDLES_PER_DAY)
            && let Some(tenth) = bundle(tx.as_read(), client, early)?
            && now.micros() - tenth.created.micros() < MICROS_PER_DAY
        {
            let text = format!("a client makes at most {MAX_BUNDLES_PER_DAY} bundles in a day");
            return Err(Failure::bad(SealedErrorCode::Limit, text));
        }
        insert_bundle(tx, row.account_id, &BundleRow { created: now, link: link.clone() })?;
        let change =
            Change { client: Some(client), ..Change::new(ChangeKind::ClientBundlePut, row.account_id) };
        tx.append_change(now, &Change { actor: Some(client), ..change })?;
        Ok(put_status(true))
    };
    app.store.write("put bundle", write).await
}

/// Reads a client's chain of bundles.
///
/// Those behind `after`, or from the first on, by page. Chains outlive their clients.
#[utoipa::path(
    get, path = paths::SEALED_BUNDLES,
    params(("after" = Option<u32>, Query, description = "The sequence behind which the page begins.")),
    responses((status = 200, body = Vec<u8>, content_type = "application/vnd.tozstore.sealed")),
    security(("sealed" = []))
)]
pub async fn chain(State(app): State<Arc<App>>, call: Call) -> Result<Encoding<BundlePage>, Failure> {
    let client: ClientId = call.path()?;
    let mut params = call.params()?;
    let after: Option<u32> = params.one("after")?;
    params.finish()?;
    let caller = call.caller;
    let read = move |tx: &dyn ReadTx| {
        caller.client(tx)?;
        let links = bundles_after(tx, client, after, MAX_BUNDLES_PER_PAGE)?;
        if links.is_empty() && newest_bundle(tx, client)?.is_none() {
            return Err(Failure::new(
                StatusCode::NOT_FOUND,
                SealedErrorCode::NoBundle,
                "this client has no bundle: it reads nothing sealed",
            ));
        }
        Ok(Encoding(BundlePage { deleted: living_client(tx, client)?.is_none(), links }))
    };
    app.store.read("read bundles", read).await
}

/// Reads the newest bundles of many clients.
///
/// The answer has as many from the first on as fit.
#[utoipa::path(
    post, path = paths::SEALED_BUNDLE_HEADS,
    request_body(content = Vec<u8>, content_type = "application/vnd.tozstore.sealed"),
    responses((status = 200, body = Vec<u8>, content_type = "application/vnd.tozstore.sealed")),
    security(("sealed" = []))
)]
pub async fn heads(State(app): State<Arc<App>>, call: Call) -> Result<Encoding<BundleHeads>, Failure> {
    let BundlesOf(clients) = call.body()?;
    let caller = call.caller;
    let read = move |tx: &dyn ReadTx| {
        caller.client(tx)?;
        let heads = clients.iter().take(MAX_SEALED_ANSWER_BYTES / LINK_BYTES).map(|client| {
            let deleted = living_client(tx, *client)?.is_none();
            Ok::<_, Failure>(BundleHead { client: *client, deleted, link: newest_bundle(tx, *client)? })
        });
        heads.collect::<Result<_, _>>().map(|heads| Encoding(BundleHeads(heads)))
    };
    app.store.read("read bundle heads", read).await
}

fn putting_client(tx: &dyn ReadTx, putter: Putter, client: ClientId) -> Result<ClientRow, Failure> {
    let row = match putter {
        Putter::Registered(credential) => credential.client(tx)?,
        Putter::Holder(id) => {
            let text = "this client may not act";
            let row = living_client(tx, id)?.filter(|row| row.enabled);
            row.ok_or_else(|| Failure::unsigned(SealedErrorCode::Unsigned, text))?
        }
    };
    if row.id == client { Ok(row) } else { Err(Failure::not_found()) }
}

/// That the bundle goes on with the chain, or begins it.
fn verify(
    tx: &dyn ReadTx,
    store: StoreId,
    row: &ClientRow,
    putter: Putter,
    link: &BundleLink,
) -> Result<(), Failure> {
    let bad = || Failure::bad(SealedErrorCode::BadSignature, "a signature of the bundle does not hold");
    if link.bundle().object().sequence == 0 {
        // Whoever holds nothing but the bundle's own key has not shown that it is the client.
        if !matches!(putter, Putter::Registered(_)) {
            let text = "the first bundle comes with an access token or a request signature of the client";
            return Err(Failure::unsigned(SealedErrorCode::Unsigned, text));
        }
        let Some(registered) = row.signing_key.signing_key() else {
            let text = "this client has no signing key: it can make no bundle";
            return Err(Failure::bad(SealedErrorCode::BadSignature, text));
        };
        link.verify_endorsement(&registered).map_err(|_| bad())?;
        return BundleChain::begin(store, row.id, link).map(drop).map_err(|_| bad());
    }
    let Some(newest) = newest_bundle(tx, row.id)? else {
        return Err(Failure::new(
            StatusCode::NOT_FOUND,
            SealedErrorCode::NoBundle,
            "a chain begins with bundle 0",
        ));
    };
    let head = newest.bundle().digest();
    let text = "the chain has another head; go on from that";
    if newest.bundle().object().sequence + 1 != link.bundle().object().sequence {
        return Err(
            Failure::conflict(SealedErrorCode::BundleMoved, text).with(|body| body.digest = Some(head))
        );
    }
    let mut chain = BundleChain::resume(store, row.id, &head, &newest).map_err(|_| bad())?;
    chain.push(link).map_err(|_| bad())
}
