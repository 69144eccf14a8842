//! A span for each request, if spans are asked for.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderName;
use tokio::time::Instant;

use super::admission::Shed;
use super::log::request_id;
use super::metrics::method_name;
use crate::App;
use crate::telemetry::{Span, TraceContext, with_store_time};

const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// Times a request for its span, which is part of the caller's trace if the caller names one.
pub async fn trace(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let header = request.headers().get(TRACE_PARENT).and_then(|value| value.to_str().ok());
    let parent = header.and_then(TraceContext::parse);
    let Some(context) = app.telemetry.begin(parent.as_ref()) else { return next.run(request).await };
    let (started, begun) = (Instant::now(), app.now());
    let method = method_name(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str).to_owned();
    let (response, store_jobs, store_taken) = with_store_time(next.run(request)).await;
    // Under overload, spans would cost more than the answers that they tell of.
    if response.extensions().get::<Shed>().is_none() {
        app.telemetry.end(Span {
            context,
            parent: parent.map(|parent| parent.span_id),
            method,
            route,
            status: response.status().as_u16(),
            request_id: request_id().unwrap_or_default(),
            begun,
            taken: started.elapsed(),
            store_jobs,
            store_taken,
        });
    }
    response
}
