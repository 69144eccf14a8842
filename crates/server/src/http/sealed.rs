//! The sealed format: `/v3`, as `docs/formats/sealed.md`, section 19, has it.
//!
//! Requests are signed with their bodies ([`Call`]), and refused with a reason for programs ([`Failure`]). What needs no
//! secret is verified here, by the code that clients run, in the transaction that acts. A body that is refused is neither
//! stored nor logged: a transaction reads and decides first, behind the lock that every writer takes, and writes last.

pub mod append;
pub mod bundles;
mod call;
pub mod censuses;
mod failure;
pub mod logs;
pub mod record_reads;
pub mod records;
pub mod stages;
pub mod store;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use tozstore_api::sealed::{SEALED_MEDIA_TYPE, SealedBody};

pub use self::call::{Call, SealedCaller};
pub use self::failure::Failure;

/// A body in its encoding.
#[derive(Debug)]
pub struct Encoding<T>(pub T);

impl<T: SealedBody> IntoResponse for Encoding<T> {
    fn into_response(self) -> Response {
        match self.0.to_bytes() {
            Ok(bytes) => {
                let media_type = HeaderValue::from_static(SEALED_MEDIA_TYPE);
                ([(header::CONTENT_TYPE, media_type)], bytes).into_response()
            }
            Err(error) => Failure::from(super::Error::Internal(error.to_string().into())).into_response(),
        }
    }
}

/// 201 of what is new, 200 of what was there.
const fn put_status(is_new: bool) -> StatusCode {
    if is_new { StatusCode::CREATED } else { StatusCode::OK }
}
