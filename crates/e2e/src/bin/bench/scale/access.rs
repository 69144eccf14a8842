//! The accesses that are measured, as requests over HTTP.

use std::net::SocketAddr;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tozstore_api::paths;

use super::data::{Data, READERS, TYPES, api_key_id, api_secret, client_id, record_type, scatter};
use crate::AnyError;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Access {
    Read,
    ReadShared,
    Write,
    Search,
    SearchLargest,
    SearchAll,
    SearchTerms,
    Share,
    Incoming,
}

impl Access {
    pub(crate) const ALL: [Self; 9] = [
        Self::Read,
        Self::ReadShared,
        Self::Write,
        Self::Search,
        Self::SearchLargest,
        Self::SearchAll,
        Self::SearchTerms,
        Self::Share,
        Self::Incoming,
    ];

    /// As it stands in tables and plots.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Read => "read by id",
            Self::ReadShared => "read another's by id",
            Self::Write => "write",
            Self::Search => "first page, own records",
            Self::SearchLargest => "first page, owner of a tenth",
            Self::SearchAll => "first page, all one may read",
            Self::SearchTerms => "first page, by a term",
            Self::Share => "share",
            Self::Incoming => "list of incoming shares",
        }
    }
}

/// A connection to a server, and tokens for those that use it.
pub(crate) struct Caller {
    data: Data,
    address: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
    clients: Vec<(u64, String)>,
}

/// Clients that send requests; the first is the owner of a tenth of the records.
const CLIENTS: u64 = 64;

impl Caller {
    pub(crate) async fn connect(address: SocketAddr, data: Data) -> Result<Self, AnyError> {
        let mut caller = Self { data, address, sender: open(address).await?, clients: Vec::new() };
        let others = (1..CLIENTS).map(|number| 1 + scatter(number) % (data.writers() - 1));
        for client in std::iter::once(0).chain(others) {
            let (id, secret) = (api_key_id(client), api_secret(client));
            let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
            let (status, body) = caller.send(Method::POST, paths::ACCESS_TOKEN, None, form.into()).await?;
            let body: serde_json::Value = serde_json::from_slice(&body)?;
            let token = body["access_token"].as_str().ok_or_else(|| format!("no token: {status}"))?;
            caller.clients.push((client, format!("Bearer {token}")));
        }
        Ok(caller)
    }

    /// Asks once. Steps are never repeated in one run, so that what is written is new; the client is that of the step.
    pub(crate) async fn ask(&mut self, access: Access, step: u64) -> Result<(), AnyError> {
        let (data, number) = (
            self.data,
            match access {
                Access::SearchLargest => 0,
                // A read takes whichever client wrote, or may read, the record that was drawn.
                _ => 1 + step as usize % (self.clients.len() - 1),
            },
        );
        let (client, authorization) = self.clients[number].clone();
        let (method, path, body) = match access {
            Access::Read => {
                (Method::GET, paths::record(data.record_id(data.record_by(client, step)), &[]), None)
            }
            Access::ReadShared => {
                let writer = data.read_by(client).nth((step % READERS) as usize).unwrap_or_default();
                (Method::GET, paths::record(data.record_id(data.record_by(writer, step)), &[]), None)
            }
            Access::Write => {
                let of = record_type(step);
                let body = json!({
                    "meta": {
                        "writer_id": client_id(client), "user_id": client_id(client), "type": of,
                        "plain": { "status": "open", "customer": format!("c{:05}", step % 20_000) },
                    },
                    "data": { "field": "x".repeat(160) },
                });
                (Method::POST, paths::RECORDS.to_owned(), Some(body))
            }
            Access::Search | Access::SearchLargest => {
                (Method::POST, paths::SEARCH.to_owned(), Some(json!({ "count": 50, "include_data": true })))
            }
            Access::SearchAll => {
                let body = json!({ "count": 50, "include_data": true, "include_all_writers": true });
                (Method::POST, paths::SEARCH.to_owned(), Some(body))
            }
            Access::SearchTerms => {
                let terms = json!({ "tags": { "status": "open" } });
                let body = json!({ "limit": 50, "include_data": true, "match": [{ "terms": terms, "strategy": "EXACT" }] });
                (Method::POST, paths::TERM_SEARCH.to_owned(), Some(body))
            }
            Access::Share => {
                // With one that may not read it yet: those that may come right before the writer.
                let distance = 1 + step / TYPES % (data.writers() - READERS - 2);
                let reader = (client + distance) % data.writers();
                let path = paths::policy(
                    client_id(client),
                    client_id(client),
                    client_id(reader),
                    &record_type(step),
                );
                (Method::PUT, path, Some(json!({ "allow": [{ "read": {} }] })))
            }
            Access::Incoming => (Method::GET, paths::POLICY_INCOMING.to_owned(), None),
        };
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let (status, answer) = self.send(method, &path, Some(&authorization), body).await?;
        if status.is_success() {
            Ok(())
        } else {
            Err(format!("{}: {status}: {}", access.name(), String::from_utf8_lossy(&answer)).into())
        }
    }

    /// A step for each number, all of them the same client's.
    pub(crate) fn step_of_one_client(&self, number: u64) -> u64 {
        5 + number * (self.clients.len() as u64 - 1)
    }

    /// Another connection for the same clients.
    pub(crate) async fn again(&self) -> Result<Self, AnyError> {
        let Self { data, address, clients, .. } = self;
        Ok(Self { data: *data, address: *address, sender: open(*address).await?, clients: clients.clone() })
    }

    /// Goes on with another server of the same store.
    pub(crate) async fn reconnect(&mut self, address: SocketAddr) -> Result<(), AnyError> {
        (self.address, self.sender) = (address, open(address).await?);
        Ok(())
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        authorization: Option<&str>,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), AnyError> {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        // Servers close connections on which nothing comes for a while.
        if self.sender.ready().await.is_err() {
            self.sender = open(self.address).await?;
            self.sender.ready().await?;
        }
        let response = self.sender.send_request(request.body(Full::new(body))?).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}

async fn open(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>, AnyError> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}
