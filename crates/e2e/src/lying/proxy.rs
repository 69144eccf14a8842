//! Passes requests on and answers back, and changes them by a rule.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Method};
use hyper_util::client::legacy::{Client as HttpClient, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tozstore::ClientId;
use tozstore_api::sealed::{EntryPage, SealedBody, SealedErrorBody, SealedErrorCode};

/// A request, as it came in.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Bytes,
}

/// Changes a request, or answers it in the place of the server.
type Before = Box<dyn FnMut(&mut Asked) -> Option<Answer> + Send>;
/// Changes an answer.
type After = Box<dyn FnMut(&Asked, &mut Answer) + Send>;

/// A server that lies to those who dial its address. Several lie differently about one real server.
#[derive(Clone)]
pub struct Liar {
    /// Its address.
    pub url: String,
    http: HttpClient<HttpConnector, Full<Bytes>>,
    rules: Arc<Mutex<Rules>>,
}

struct Rules {
    real_url: String,
    before: Before,
    after: After,
    /// What was answered with success, before it was changed, the newest at the end.
    kept: Vec<(Asked, Answer)>,
}

impl Asked {
    /// Whether it is of this method, and its target begins so.
    pub fn is(&self, method: &str, target: &str) -> bool {
        self.method == method && self.target.starts_with(target)
    }

    /// Its path.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The client that signed it, if it is of the sealed format.
    pub fn caller(&self) -> Option<ClientId> {
        let value = self.headers.get("authorization")?.to_str().ok()?.strip_prefix("TZS1 ")?;
        value.split(';').next()?.parse().ok()
    }
}

impl Answer {
    /// A JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self { status, body: body.to_string().into() }
    }

    /// A body of the sealed format.
    pub fn sealed(status: u16, body: &impl SealedBody) -> Self {
        Self { status, body: body.to_bytes().expect("an encoding").into() }
    }

    /// That there is no such thing, in the form of both formats.
    pub fn not_found() -> Self {
        Self::refusal(404, SealedErrorCode::NotFound)
    }

    /// A refusal for this reason.
    pub fn refusal(status: u16, code: SealedErrorCode) -> Self {
        let body = serde_json::to_value(SealedErrorBody::new(code, "no")).expect("JSON");
        Self::json(status, &body)
    }
}

impl Liar {
    /// Begins to pass on to the server at `real_url`, honestly.
    pub async fn start(real_url: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let http = HttpClient::builder(TokioExecutor::new()).build_http();
        let rules = Rules {
            real_url: real_url.to_owned(),
            before: Box::new(|_| None),
            after: Box::new(|_, _| ()),
            kept: Vec::new(),
        };
        let liar = Self { url, http, rules: Arc::new(Mutex::new(rules)) };
        let app = axum::Router::new().fallback(pass).with_state(liar.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        liar
    }

    /// Passes on to another server from now on: one that has another history.
    pub fn go_to(&self, url: &str) {
        self.rules().real_url = url.to_owned();
    }

    /// Changes requests, or answers them itself.
    pub fn before(&self, rule: impl FnMut(&mut Asked) -> Option<Answer> + Send + 'static) {
        self.rules().before = Box::new(rule);
    }

    /// Changes answers.
    pub fn after(&self, rule: impl FnMut(&Asked, &mut Answer) + Send + 'static) {
        self.rules().after = Box::new(rule);
    }

    /// Says that what is asked for by targets that begin so is not there.
    pub fn hide(&self, method: &'static str, target: impl Into<String>) {
        let target = target.into();
        self.before(move |asked| asked.is(method, &target).then(Answer::not_found));
    }

    /// Changes successful answers of the sealed format.
    pub fn sealed<T: SealedBody>(
        &self,
        method: &'static str,
        target: impl Into<String>,
        mut rule: impl FnMut(&mut T) + Send + 'static,
    ) {
        let target = target.into();
        self.after(move |asked, answer| {
            if asked.is(method, &target) && answer.status < 300 {
                let mut body = T::from_bytes(&answer.body).expect("a body of this kind");
                rule(&mut body);
                *answer = Answer::sealed(answer.status, &body);
            }
        });
    }

    /// Changes pages of a type's log, and nothing that is fetched beside it.
    pub fn entries(
        &self,
        writer: ClientId,
        record_type: &str,
        mut rule: impl FnMut(&mut EntryPage) + Send + 'static,
    ) {
        let log = format!("/v3/logs/{writer}/{record_type}");
        self.after(move |asked, answer| {
            if asked.is("GET", &log) && asked.path() == log && answer.status < 300 {
                let mut page = EntryPage::from_bytes(&answer.body).expect("a page of a log");
                rule(&mut page);
                *answer = Answer::sealed(answer.status, &page);
            }
        });
    }

    /// Changes successful answers in JSON.
    pub fn json(
        &self,
        method: &'static str,
        target: impl Into<String>,
        mut rule: impl FnMut(&mut Value) + Send + 'static,
    ) {
        let target = target.into();
        self.after(move |asked, answer| {
            if asked.is(method, &target) && answer.status < 300 {
                let mut body: Value = serde_json::from_slice(&answer.body).expect("JSON");
                rule(&mut body);
                *answer = Answer::json(answer.status, &body);
            }
        });
    }

    /// Ends all lies; where it passes on to stays.
    pub fn be_honest(&self) {
        self.before(|_| None);
        self.after(|_, _| ());
    }

    /// The newest request that was answered with success and whose target begins so, with the true answer.
    pub fn kept(&self, method: &str, target: &str) -> (Asked, Answer) {
        let rules = self.rules();
        let found = rules.kept.iter().rev().find(|(asked, _)| asked.is(method, target));
        found.cloned().unwrap_or_else(|| panic!("no {method} {target}"))
    }

    /// The body of the answer in [`Self::kept`].
    pub fn kept_json(&self, method: &str, target: &str) -> Value {
        serde_json::from_slice(&self.kept(method, target).1.body).expect("JSON")
    }

    /// The same, of the sealed format.
    pub fn kept_sealed<T: SealedBody>(&self, method: &str, target: &str) -> T {
        T::from_bytes(&self.kept(method, target).1.body).expect("a body of this kind")
    }

    /// Whether there was such a request that was answered with success.
    pub fn has_seen(&self, method: &str, target: &str) -> bool {
        self.rules().kept.iter().any(|(asked, _)| asked.is(method, target))
    }

    /// Sends a request that was kept, to any server.
    pub async fn send(&self, url: &str, asked: &Asked) -> Answer {
        let mut request =
            Request::builder().method(asked.method.clone()).uri(format!("{url}{}", asked.target));
        for (name, value) in &asked.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(asked.body.clone())).expect("a request");
        let (parts, body) = self.http.request(request).await.expect("an answer").into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        Answer { status: parts.status.as_u16(), body }
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn pass(State(liar): State<Liar>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let mut asked = Asked { method: parts.method, target, headers: parts.headers, body };
    let (instead, url) = {
        let mut rules = liar.rules();
        ((rules.before)(&mut asked), rules.real_url.clone())
    };
    let answer = match instead {
        Some(answer) => answer,
        None => {
            asked.headers.remove("content-length");
            let mut answer = liar.send(&url, &asked).await;
            let mut rules = liar.rules();
            if answer.status < 300 {
                rules.kept.push((asked.clone(), answer.clone()));
            }
            (rules.after)(&asked, &mut answer);
            answer
        }
    };
    Response::builder().status(answer.status).body(Body::from(answer.body)).expect("an answer")
}
