//! Refusing those who ask too often (429). A client and an account are limited once they have proven who they are, all
//! others by the address that they send from.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Extensions, HeaderMap, HeaderName, header};
use tozstore_api::paths;
use tozstore_crypto::{AccountId, ClientId};

use super::{Error, admission};
use crate::App;
use crate::rates::Caller;
use crate::store::{ReadTx, StoreError};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other side of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Limits requests that prove nothing, before they are read.
pub async fn limit_strangers(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    // What is sent for a token is no proof before it was looked up.
    let is_stranger = route == paths::ACCESS_TOKEN || !request.headers().contains_key(header::AUTHORIZATION);
    if is_stranger
        && !admission::is_exempt(route)
        && let Err(error) = charge_stranger(&app, request.headers(), request.extensions())
    {
        return error.into_response();
    }
    next.run(request).await
}

/// Counts a request of whoever sends from the address that this one came from.
///
/// # Errors
/// There were too many.
pub fn charge_stranger(app: &App, headers: &HeaderMap, extensions: &Extensions) -> Result<(), Error> {
    let Some(Peer(peer)) = extensions.get::<Peer>() else { return Ok(()) };
    let address = forwarded(headers, app.config.rates.proxies).unwrap_or(*peer);
    charge(app, Caller::at(address), "address")
}

/// Counts a request of a client, and of its account.
///
/// # Errors
/// There were too many.
pub async fn charge_client(app: &App, client: ClientId) -> Result<(), Error> {
    if !app.rates.limits_clients() {
        return Ok(());
    }
    let account = match app.rates.account_of(client) {
        Some(account) => account,
        None => {
            let read = move |tx: &dyn ReadTx| tx.client(client);
            let row = app.store.read::<_, StoreError, _>("account of client", read).await?;
            // One that is not there is refused by the handler.
            let Some(row) = row else { return Ok(()) };
            app.rates.tell_account(client, row.account_id);
            row.account_id
        }
    };
    charge(app, Caller::Client(client), "client")?;
    charge(app, Caller::Account(account), "account")
}

/// Counts a request of an account.
///
/// # Errors
/// There were too many.
pub fn charge_account(app: &App, account: AccountId) -> Result<(), Error> {
    charge(app, Caller::Account(account), "account")
}

fn charge(app: &App, caller: Caller, name: &'static str) -> Result<(), Error> {
    app.rates.take(caller, app.now().micros()).map_err(|wait_s| {
        app.metrics.rate_exceeded(name);
        Error::TooManyRequests { wait_s }
    })
}

/// The address that the first of so many proxies of ours saw: each adds the one that it was called from.
fn forwarded(headers: &HeaderMap, proxies: usize) -> Option<IpAddr> {
    let texts = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    let all: Vec<&str> = texts.flat_map(|text| text.split(',')).collect();
    let place = all.len().checked_sub(proxies).filter(|_| proxies > 0)?;
    all.get(place)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_what_our_proxies_added_is_believed() {
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED_FOR, HeaderValue::from_static("10.0.0.1, 192.0.2.7"));
        headers.append(FORWARDED_FOR, HeaderValue::from_static("198.51.100.3"));
        let at = |proxies| forwarded(&headers, proxies).map(|address| address.to_string());
        assert_eq!(at(0), None);
        assert_eq!(at(1).as_deref(), Some("198.51.100.3"));
        assert_eq!(at(2).as_deref(), Some("192.0.2.7"));
        assert_eq!(at(4), None);
    }
}
