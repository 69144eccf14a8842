//! Bodies of requests, read by endpoint: the official clients label the same body in many ways, or not at all.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use http::header;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::Error;
use crate::App;

/// A JSON body that must be there. `Content-Type` is not looked at.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A JSON body that may be empty or `null`, as one official client sends where it means none.
#[derive(Debug)]
pub struct OptionalJson<T>(pub Option<T>);

/// A body as it came, within the limit.
#[derive(Debug)]
pub struct RawBody(pub Bytes);

impl FromRequest<Arc<App>> for RawBody {
    type Rejection = Error;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Error> {
        let limits = &app.config.limits;
        read(request, limits.body_bytes, Duration::from_secs(limits.body_read_timeout_s)).await.map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Error> {
        let RawBody(bytes) = RawBody::from_request(request, app).await?;
        parse(&bytes).map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for OptionalJson<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Error> {
        let RawBody(bytes) = RawBody::from_request(request, app).await?;
        if bytes.trim_ascii().is_empty() { Ok(Self(None)) } else { parse(&bytes).map(Self) }
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::bad_request(format!("the body is not as expected: {error}")))
}

async fn read(request: Request, limit_bytes: usize, time_limit: Duration) -> Result<Bytes, Error> {
    let announced =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|len_bytes: u64| len_bytes > limit_bytes as u64) {
        return Err(Error::BodyTooLarge);
    }
    let body: Body = request.into_body();
    let read = tokio::time::timeout(time_limit, Limited::new(body, limit_bytes).collect());
    match read.await {
        Err(_) => Err(Error::BodyTooSlow),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Error::BodyTooLarge),
        Ok(Err(_)) => Err(Error::bad_request("the body broke off")),
    }
}
