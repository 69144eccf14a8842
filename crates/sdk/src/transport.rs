//! Requests over HTTP: time limits, retries, and the one place that knows what a status code means to a caller.

mod transfer;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tozstore_api::ErrorBody;
use tozstore_api::sealed::SealedErrorBody;
use tozstore_crypto::RequestNonce;
use zeroize::Zeroizing;

use crate::{Error, UntrustedData};

/// Limits on one request and on the tries that it is given.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Time until a connection stands, in milliseconds.
    pub connect_timeout_ms: u64,
    /// Time for one try from its start to the last byte of the answer, in milliseconds.
    pub timeout_ms: u64,
    /// Tries for one request, the first one included.
    pub max_tries: u32,
    /// Longest wait between two tries, in milliseconds. A server that asks for more gets no further try.
    pub max_wait_ms: u64,
    /// Bytes that an answer may have.
    pub max_answer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_timeout_ms: 10_000,
            timeout_ms: 60_000,
            max_tries: 5,
            max_wait_ms: 20_000,
            max_answer_bytes: 128 * 1024 * 1024,
        }
    }
}

/// First wait between two tries, in milliseconds; doubled for each further one.
const FIRST_WAIT_MS: u64 = 100;
/// Characters of a server's message that are passed on.
const MAX_MESSAGE_CHARS: usize = 300;
/// Names a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a repetition of a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Nothing that the first one did not do: reading, versioned writing, keys and policies.
    Harmless,
    /// The thing a second time. Only a request that was never sent, or was turned away unread, is tried again.
    Doubles,
}

/// A request to a path of the server.
pub(crate) struct Request {
    pub method: Method,
    /// Path and query as they go over the wire.
    pub target: String,
    pub authorization: Authorization,
    /// Body and its media type.
    pub body: Option<(Bytes, &'static str)>,
    pub repeat: Repeat,
    /// Names the call in the logs of both sides, whichever try it is.
    pub id: String,
}

/// The `Authorization` header. Marked as sensitive on its way.
pub(crate) enum Authorization {
    None,
    /// RFC 7617.
    Basic {
        name: String,
        secret: Zeroizing<String>,
    },
    /// RFC 6750.
    Bearer(Zeroizing<String>),
}

impl Request {
    pub(crate) fn new(method: Method, target: String) -> Self {
        let repeat = if method == Method::POST { Repeat::Doubles } else { Repeat::Harmless };
        Self { method, target, authorization: Authorization::None, body: None, repeat, id: fresh_id() }
    }

    pub(crate) fn get(target: String) -> Self {
        Self::new(Method::GET, target)
    }

    pub(crate) fn put(target: String) -> Self {
        Self::new(Method::PUT, target)
    }

    pub(crate) fn post(target: String) -> Self {
        Self::new(Method::POST, target)
    }

    pub(crate) fn delete(target: String) -> Self {
        Self::new(Method::DELETE, target)
    }

    /// Sends JSON.
    pub(crate) fn json(mut self, body: &impl Serialize) -> Result<Self, Error> {
        let text = serde_json::to_vec(body)
            .map_err(|error| Error::Caller(format!("this cannot be written as JSON: {error}")))?;
        self.body = Some((text.into(), "application/json"));
        Ok(self)
    }

    /// A POST that only asks.
    pub(crate) fn harmless(mut self) -> Self {
        self.repeat = Repeat::Harmless;
        self
    }
}

/// An answer that reports success.
pub(crate) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The id of its request.
    pub request_id: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| Error::Server {
            status: self.status,
            // Of the parser's message only the place: the text may be anything.
            message: format!(
                "the answer is not of the protocol (line {}, column {})",
                error.line(),
                error.column()
            ),
            request_id: Some(self.request_id.clone()),
        })
    }
}

/// A failure as the transport sees it, before a caller gives it a meaning.
#[derive(Debug)]
pub(crate) struct Failure {
    pub error: Error,
    /// The status, if an answer came.
    pub status: Option<u16>,
    /// Whether an earlier try may have been done although its answer was lost.
    pub was_repeated: bool,
    /// The id of the request, if one was sent.
    pub request_id: Option<String>,
    /// The body of an answer to a request of the sealed format.
    pub sealed: Option<Box<SealedErrorBody>>,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl From<Error> for Failure {
    /// A failure before anything was sent.
    fn from(error: Error) -> Self {
        Self { error, status: None, was_repeated: false, request_id: None, sealed: None }
    }
}

impl Failure {
    /// Whether the server says that the thing is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        self.status == Some(404)
    }

    /// The error, with a name for what was not there.
    pub(crate) fn naming(self, what: &'static str) -> Error {
        if self.is_not_found() { Error::NotFound(what) } else { self.error }
    }

    /// The error, with words for what is in the way: a conflict of something else than versions of a record.
    pub(crate) fn in_conflict(self, message: &str) -> Error {
        match self.status {
            Some(status @ 409) => {
                Error::Refused { status, message: message.to_owned(), request_id: self.request_id }
            }
            _ => self.error,
        }
    }
}

/// The value of the `Authorization` header that signs a request.
pub(crate) type Sign<'a> = dyn Fn(&Request) -> String + Send + Sync + 'a;

/// Connections to one server.
#[derive(Clone)]
pub(crate) struct Transport {
    http: reqwest::Client,
    origin: String,
    limits: Limits,
}

impl Transport {
    pub(crate) fn new(api_url: &str, limits: Limits) -> Result<Self, Error> {
        let url = reqwest::Url::parse(api_url)
            .map_err(|error| Error::Caller(format!("{api_url:?} is not the address of a server: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
            return Err(Error::Caller(format!("{api_url:?} is not the http or https address of a server")));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_millis(limits.connect_timeout_ms))
            .timeout(Duration::from_millis(limits.timeout_ms))
            // A redirect would carry credentials to wherever the server says.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("tozstore/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::Caller(format!("TLS cannot be set up: {error}")))?;
        Ok(Self { http, origin: url.as_str().trim_end_matches('/').to_owned(), limits })
    }

    /// The address that requests go to, without a slash at its end.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Sends a request, again where that is safe, until there is an answer that settles it.
    pub(crate) async fn send(&self, request: &Request) -> Result<Answer, Failure> {
        self.send_with(request, None).await
    }

    /// The same with a signature for each try: a server takes one once.
    pub(crate) async fn send_signed(&self, request: &Request, sign: &Sign<'_>) -> Result<Answer, Failure> {
        self.send_with(request, Some(sign)).await
    }

    async fn send_with(&self, request: &Request, sign: Option<&Sign<'_>>) -> Result<Answer, Failure> {
        let mut tries = 1;
        let mut was_repeated = false;
        loop {
            let outcome = self.send_once(request, sign.map(|sign| sign(request))).await;
            match plan(&outcome, request.repeat, tries, &self.limits, random_fraction()) {
                Plan::Settle => {
                    // What only reads has done nothing, however often it was sent.
                    let may_be_done = was_repeated && !request.method.is_safe();
                    return settle(outcome, may_be_done, &request.id)
                        .map_err(|failure| Failure { was_repeated, ..failure });
                }
                Plan::Wait(wait) => {
                    tracing::debug!(id = request.id, method = %request.method, tries, wait_ms = wait.as_millis(), "trying a request again");
                    tokio::time::sleep(wait).await;
                }
            }
            was_repeated |= matches!(outcome, Outcome::Broken(_))
                || matches!(outcome, Outcome::Answered { status: 500.., .. });
            tries += 1;
        }
    }

    async fn send_once(&self, request: &Request, signature: Option<String>) -> Outcome {
        let url = format!("{}{}", self.origin, request.target);
        let mut builder = self.http.request(request.method.clone(), url).header(REQUEST_ID, &request.id);
        builder = match &request.authorization {
            Authorization::None => builder,
            Authorization::Basic { name, secret } => builder.basic_auth(name, Some(secret.as_str())),
            Authorization::Bearer(token) => builder.bearer_auth(token.as_str()),
        };
        if let Some(signature) = signature {
            builder = builder.header(http::header::AUTHORIZATION, signature);
        }
        if let Some((body, media_type)) = &request.body {
            builder = builder.header(http::header::CONTENT_TYPE, *media_type).body(body.clone());
        }
        let mut response = match builder.send().await {
            Ok(response) => response,
            Err(error) if error.is_builder() => return Outcome::Unsendable(describe(error)),
            Err(error) if error.is_connect() => return Outcome::NotSent(describe(error)),
            Err(error) => return Outcome::Broken(describe(error)),
        };
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > self.limits.max_answer_bytes => {
                    return Outcome::TooLong;
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Outcome::Answered { status, headers, body: body.into() },
                Err(error) => return Outcome::Broken(describe(error)),
            }
        }
    }
}

/// How one try ended.
#[derive(Debug)]
enum Outcome {
    Answered {
        status: u16,
        headers: HeaderMap,
        body: Bytes,
    },
    /// The connection broke or took too long after the request may have been sent.
    Broken(String),
    NotSent(String),
    TooLong,
    Unsendable(String),
}

/// What to do after a try.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    Settle,
    Wait(Duration),
}

/// `fraction` is random, in 0..1: clients that were turned away together must not come back together.
fn plan(outcome: &Outcome, repeat: Repeat, tries: u32, limits: &Limits, fraction: f64) -> Plan {
    let may_repeat = match outcome {
        Outcome::NotSent(_) => true,
        // Turned away before it was read.
        Outcome::Answered { status: 429, .. } => true,
        // Of a 5xx nobody knows what was done before it.
        Outcome::Answered { status: 502..=504, .. } | Outcome::Broken(_) => repeat == Repeat::Harmless,
        Outcome::Answered { .. } | Outcome::TooLong | Outcome::Unsendable(_) => false,
    };
    if !may_repeat || tries >= limits.max_tries {
        return Plan::Settle;
    }
    let backoff_ms =
        FIRST_WAIT_MS.saturating_mul(1 << tries.min(20).saturating_sub(1)).min(limits.max_wait_ms);
    // Half fixed, half random.
    let jittered_ms = backoff_ms / 2 + (backoff_ms as f64 / 2.0 * fraction) as u64;
    match retry_after_ms(outcome) {
        Some(asked_ms) if asked_ms > limits.max_wait_ms => Plan::Settle,
        Some(asked_ms) => Plan::Wait(Duration::from_millis(asked_ms.saturating_add(jittered_ms))),
        None => Plan::Wait(Duration::from_millis(jittered_ms)),
    }
}

/// `Retry-After` in its form of seconds (RFC 9110, section 10.2.3). The form of a date is left alone: it depends on
/// two clocks.
fn retry_after_ms(outcome: &Outcome) -> Option<u64> {
    let Outcome::Answered { headers, .. } = outcome else { return None };
    let seconds: u64 = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(seconds.saturating_mul(1000))
}

fn settle(outcome: Outcome, may_be_done: bool, id: &str) -> Result<Answer, Failure> {
    let request_id = Some(id.to_owned());
    let fail =
        |status, error| Err(Failure { error, status, was_repeated: may_be_done, request_id, sealed: None });
    match outcome {
        Outcome::Answered { status: status @ 200..=299, headers, body } => {
            Ok(Answer { status, headers, body, request_id: id.to_owned() })
        }
        // Of this try it may be known that nothing was done, but not of those before.
        Outcome::Answered { status: status @ 502..=504, .. } if may_be_done => {
            let reason = format!("the last of several tries was answered with {status} (request {id})");
            fail(Some(status), Error::Unanswered(reason))
        }
        Outcome::NotSent(reason) if may_be_done => {
            fail(None, Error::Unanswered(format!("{reason} (request {id})")))
        }
        Outcome::Answered { status, body, .. } => {
            let sealed = serde_json::from_slice(&body).ok();
            fail(Some(status), error_of_status(status, &body, id))
                .map_err(|failure| Failure { sealed, ..failure })
        }
        Outcome::Broken(reason) => fail(None, Error::Unanswered(format!("{reason} (request {id})"))),
        Outcome::NotSent(reason) => fail(None, Error::Network(reason)),
        Outcome::TooLong => fail(None, Error::Untrusted(UntrustedData::WrongAnswer("amount of data"))),
        Outcome::Unsendable(reason) => fail(None, Error::Caller(reason)),
    }
}

fn error_of_status(status: u16, body: &[u8], id: &str) -> Error {
    let request_id = Some(id.to_owned());
    let message = message_of(body);
    match status {
        401 => Error::Credentials(format!("the server does not accept the credentials: {message}")),
        404 => Error::NotFound("this"),
        409 => Error::Conflict,
        400..=499 => Error::Refused { status, message, request_id },
        _ => Error::Server { status, message, request_id },
    }
}

/// The server's words, fit for a terminal: no control characters, and not too many.
fn message_of(body: &[u8]) -> String {
    let Ok(body) = serde_json::from_slice::<ErrorBody>(body) else { return "it gave no reason".to_owned() };
    let printable = body.error.chars().filter(|c| !c.is_control());
    printable.take(MAX_MESSAGE_CHARS).collect()
}

/// The error with its causes, without the address: it may be long, and the caller knows it.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// An id that nobody else has. It says nothing of the call or the caller.
fn fresh_id() -> String {
    RequestNonce::random().to_string()
}

fn random_fraction() -> f64 {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0),
        // Only spreads load: a fixed value will do.
        Err(_) => 0.5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, retry_after: Option<&str>) -> Outcome {
        let headers =
            retry_after.map(|text| (http::header::RETRY_AFTER, text.parse().unwrap())).into_iter().collect();
        Outcome::Answered { status, headers, body: Bytes::new() }
    }

    fn repeats(outcome: &Outcome, repeat: Repeat) -> bool {
        plan(outcome, repeat, 1, &Limits::default(), 0.5) != Plan::Settle
    }

    #[test]
    fn a_write_that_may_have_been_done_is_not_repeated() {
        for (outcome, harmless, doubles) in [
            (Outcome::NotSent(String::new()), true, true),
            (Outcome::Broken(String::new()), true, false),
            (answered(429, None), true, true),
            (answered(503, None), true, false),
            (answered(502, None), true, false),
            (answered(500, None), false, false),
            (answered(401, None), false, false),
            (answered(409, None), false, false),
            (answered(200, None), false, false),
            (Outcome::TooLong, false, false),
        ] {
            assert_eq!(repeats(&outcome, Repeat::Harmless), harmless, "{outcome:?}");
            assert_eq!(repeats(&outcome, Repeat::Doubles), doubles, "{outcome:?}");
        }
    }

    #[test]
    fn waits_grow_to_a_cap_and_end() {
        let limits = Limits { max_tries: 30, max_wait_ms: 3000, ..Limits::default() };
        let wait_ms =
            |tries, fraction| match plan(&answered(503, None), Repeat::Harmless, tries, &limits, fraction) {
                Plan::Wait(wait) => wait.as_millis(),
                Plan::Settle => 0,
            };
        assert_eq!(
            [wait_ms(1, 0.0), wait_ms(1, 1.0), wait_ms(2, 1.0), wait_ms(29, 1.0)],
            [50, 100, 200, 3000]
        );
        assert_eq!(wait_ms(30, 0.0), 0);
    }

    #[test]
    fn the_server_says_when_to_come_back() {
        let limits = Limits::default();
        let after = |text| plan(&answered(429, Some(text)), Repeat::Doubles, 1, &limits, 0.0);
        assert_eq!(after("2"), Plan::Wait(Duration::from_millis(2050)));
        assert_eq!(after("86400"), Plan::Settle);
        assert_eq!(after("Wed, 21 Oct 2015 07:28:00 GMT"), Plan::Wait(Duration::from_millis(50)));
    }

    #[test]
    fn messages_are_fit_for_a_terminal() {
        let text = message_of(format!("{{\"error\":\"\\u001b[2J{}\"}}", "x".repeat(1000)).as_bytes());
        assert_eq!(text.chars().count(), MAX_MESSAGE_CHARS);
        assert!(text.starts_with("[2Jx"));
    }
}
