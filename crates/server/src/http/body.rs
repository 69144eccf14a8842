//! Bodies of requests, read by endpoint: the official clients label the same body in many ways, or not at all.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use http::header;
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;

use super::Error;
use super::memory::{Counted, Share};
use crate::App;

/// Bytes of a body that holds a few texts and keys. Strangers may send these, and what is parsed takes many times the
/// memory of the text.
const SMALL_BODY_BYTES: usize = 128 * 1024;
/// Bytes of a body that holds filters or ids.
const QUERY_BODY_BYTES: usize = 1024 * 1024;

/// A small JSON body that must be there. `Content-Type` is not looked at.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A JSON body that may be empty or `null`, as one official client sends where it means none.
#[derive(Debug)]
pub struct OptionalJson<T>(pub Option<T>);

/// A small body as it came.
#[derive(Debug)]
pub struct RawBody(pub Bytes);

/// A JSON body as large as the set-up allows, which keeps its share of the memory for as long as it lives.
#[derive(Debug)]
pub struct RecordJson<T>(pub Counted<T>);

impl FromRequest<Arc<App>> for RawBody {
    type Rejection = Error;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Error> {
        read(request, app, SMALL_BODY_BYTES).await.map(|(bytes, _)| Self(bytes.into()))
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Error> {
        let (bytes, _shares) = read(request, app, SMALL_BODY_BYTES).await?;
        parse(&bytes).map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for OptionalJson<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Error> {
        let (bytes, _shares) = read(request, app, QUERY_BODY_BYTES).await?;
        if bytes.trim_ascii().is_empty() { Ok(Self(None)) } else { parse(&bytes).map(Self) }
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for RecordJson<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Error> {
        let (bytes, shares) = read(request, app, usize::MAX).await?;
        Ok(Self(Counted::new(parse(&bytes)?, shares)))
    }
}

/// A whole body, which keeps its share of the memory for as long as it lives.
pub(super) async fn read_whole(
    request: Request,
    app: &App,
    limit_bytes: usize,
) -> Result<Counted<Vec<u8>>, Error> {
    let (bytes, shares) = read(request, app, limit_bytes).await?;
    Ok(Counted::new(bytes, shares))
}

fn shed(app: &App) -> Error {
    app.metrics.shed("bodies");
    Error::Busy
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::bad_request(format!("the body is not as expected: {error}")))
}

/// The whole body, and its share of the memory. The share grows as the body comes: whoever announces much and sends
/// little takes room from nobody.
async fn read(request: Request, app: &App, limit_bytes: usize) -> Result<(Vec<u8>, Vec<Share>), Error> {
    let limits = &app.config.limits;
    let limit_bytes = limit_bytes.min(limits.body_bytes);
    let announced =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|len_bytes: u64| len_bytes > limit_bytes as u64) {
        return Err(Error::BodyTooLarge);
    }
    let mut body: Body = request.into_body();
    let reading = async {
        let (mut bytes, mut shares, mut shared_bytes) = (Vec::new(), Vec::new(), 0);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Error::bad_request("the body broke off"))?;
            let Ok(data) = frame.into_data() else { continue };
            let len_bytes = bytes.len() + data.len();
            if len_bytes > limit_bytes {
                return Err(Error::BodyTooLarge);
            }
            if len_bytes > shared_bytes {
                // Half as much again, so that a large body has few shares.
                let half = (shared_bytes / 2).min(limit_bytes - shared_bytes);
                let more_bytes = half.max(len_bytes - shared_bytes);
                shares.push(app.body_memory.take(more_bytes).ok_or_else(|| shed(app))?);
                shared_bytes += more_bytes;
            }
            bytes.extend_from_slice(&data);
        }
        Ok((bytes, shares))
    };
    let read = tokio::time::timeout(Duration::from_secs(limits.body_read_timeout_s), reading).await;
    read.unwrap_or(Err(Error::BodyTooSlow))
}
