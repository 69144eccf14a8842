//! What a client has to know of the store before it signs anything: `/v3/store`.

use std::sync::Arc;

use axum::extract::State;
use tozstore_api::paths;
use tozstore_api::sealed::{MAX_SEALED_BODY_BYTES, MAX_WRAPS_IN_ONE_PIECE, SealedLimits, SealedStore};
use tozstore_crypto::sealed::MAX_SEALED_BYTES;

use super::call::now_ms;
use crate::App;

/// The one suite.
const SUITE: &str = "sealed-1";
/// Seconds that a stage lives without being touched.
pub(super) const STAGE_LIFETIME_S: u32 = 3600;

/// Says which store this is.
///
/// Clients sign its id, and set their clocks by its time.
#[utoipa::path(get, path = paths::SEALED_STORE, security(()), responses((status = 200, body = SealedStore)))]
pub async fn read(State(app): State<Arc<App>>) -> axum::Json<SealedStore> {
    axum::Json(SealedStore {
        store_id: app.store.id(),
        operator_key: None,
        notice: None,
        time_ms: now_ms(&app),
        suites: vec![SUITE.to_owned()],
        limits: SealedLimits {
            body_bytes: app.config.limits.body_bytes.min(MAX_SEALED_BODY_BYTES) as u64,
            sealed_bytes: MAX_SEALED_BYTES as u64,
            wraps_in_one_piece: u32::try_from(MAX_WRAPS_IN_ONE_PIECE).unwrap_or(u32::MAX),
            stage_lifetime_s: STAGE_LIFETIME_S.into(),
        },
    })
}
