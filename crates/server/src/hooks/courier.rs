//! Makes deliveries: one request each, to an address that is checked where it is resolved.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use tozstore_api::{HOOK_ID_HEADER, HOOK_SIGNATURE_HEADER, HOOK_TIMESTAMP_HEADER};
use tozstore_crypto::HookSecret;

use super::address::{is_public, parse_url};
use crate::config::HooksConfig;

/// One try of a delivery.
pub(super) struct Parcel<'a> {
    pub url: &'a str,
    pub secret: &'a HookSecret,
    pub id: &'a str,
    /// When it is sent, in seconds since 1970.
    pub unix_seconds: i64,
    pub body: String,
}

/// Makes deliveries.
pub struct Courier {
    http: reqwest::Client,
    allows_private_addresses: bool,
}

impl Courier {
    /// Sets up TLS and the limits.
    ///
    /// # Errors
    /// TLS cannot be set up, such as for want of certificates to trust.
    pub fn new(config: &HooksConfig) -> Result<Self, reqwest::Error> {
        let allows_private_addresses = config.allow_private_addresses;
        let time = Duration::from_secs(config.timeout_s);
        let http = reqwest::Client::builder()
            // The addresses that the resolver gives out are those that are connected to: what a name means may change
            // between a look and the next, and is looked up once.
            .dns_resolver(Guard { allows_private_addresses })
            // A proxy would resolve names itself, and a redirect lead to where nobody looked.
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(time)
            .timeout(time)
            // A connection that is kept would keep its address.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("tozstore-hooks/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, allows_private_addresses })
    }

    /// Makes one try. Of the answer no more than its status is read.
    pub(super) async fn deliver(&self, parcel: Parcel<'_>) -> Result<(), String> {
        let Parcel { url, secret, id, unix_seconds, body } = parcel;
        let url = parse_url(url, self.allows_private_addresses).map_err(|error| error.to_string())?;
        let signature = secret.sign(id, unix_seconds, body.as_bytes());
        let request = self
            .http
            .post(url)
            .header(http::header::CONTENT_TYPE, "application/json")
            .header(HOOK_ID_HEADER, id)
            .header(HOOK_TIMESTAMP_HEADER, unix_seconds)
            .header(HOOK_SIGNATURE_HEADER, signature)
            .body(body);
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("the receiver answered {}", answer.status().as_u16())),
            Err(error) => Err(describe(error)),
        }
    }
}

/// Resolves names, and lets through what may be connected to.
struct Guard {
    allows_private_addresses: bool,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allows_private_addresses = self.allows_private_addresses;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> =
                found.filter(|address| allows_private_addresses || is_public(address.ip())).collect();
            if allowed.is_empty() {
                return Err(io::Error::other("the name leads into a private network, or nowhere").into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// The error with its causes, without the address, which may hold what is not for a log.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_of_private_addresses_are_not_resolved() {
        let resolve = async |allows_private_addresses: bool| {
            let name: Name = "localhost".parse().unwrap();
            Guard { allows_private_addresses }.resolve(name).await.map(|found| found.count())
        };
        assert!(resolve(false).await.is_err());
        assert!(resolve(true).await.unwrap() > 0);
    }

    #[tokio::test]
    async fn nothing_is_sent_into_a_private_network() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let courier = Courier::new(&HooksConfig::default()).unwrap();
        let secret = HookSecret::from_bytes(&[1; 32]);
        for url in [format!("http://127.0.0.1:{port}/"), format!("http://localhost:{port}/")] {
            let parcel =
                Parcel { url: &url, secret: &secret, id: "1", unix_seconds: 0, body: "{}".to_owned() };
            let refused = courier.deliver(parcel).await.unwrap_err();
            assert!(refused.contains("private network"), "{refused}");
        }
        let nobody = std::future::poll_fn(|context| match listener.poll_accept(context) {
            std::task::Poll::Pending => std::task::Poll::Ready(true),
            std::task::Poll::Ready(_) => std::task::Poll::Ready(false),
        });
        assert!(nobody.await);
    }
}
