//! Which addresses deliveries may go to. Whoever has an account names the address of a hook, and the server stands where
//! others cannot reach: within a private network, beside services that trust whoever comes from there.
//!
//! Public is what the registries of special-purpose addresses (RFC 6890, as IANA keeps them) leave over.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;
use tozstore_api::MAX_HOOK_URL_BYTES;

/// Whether an address is one of the public Internet.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = match (a, b, c) {
        // This network, private, loopback, link-local, private, private
        (0 | 10 | 127, ..) | (169, 254, _) | (172, 16..=31, _) | (192, 168, _) => true,
        // Shared by carriers, protocol assignments, relays from IPv6, tests of devices
        (100, 64..=127, _) | (192, 0, 0) | (192, 88, 99) | (198, 18..=19, _) => true,
        // Examples in documents
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) => true,
        // Multicast, reserved, broadcast
        _ => a >= 224,
    };
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let [a, b, c, d, e, f, g, h] = address.segments();
    // What a network without IPv4 makes of an IPv4 address (RFC 6052).
    if [a, b, c, d, e, f] == [0x64, 0xff9b, 0, 0, 0, 0] {
        let ([first, second], [third, fourth]) = (g.to_be_bytes(), h.to_be_bytes());
        return is_public_v4(Ipv4Addr::new(first, second, third, fourth));
    }
    // Of what is not assigned as global unicast, nothing is public: loopback, private, link-local, multicast.
    let is_global = a & 0xe000 == 0x2000;
    // Protocol assignments and tunnels, which carry addresses of their own; examples in documents.
    let is_special = (a == 0x2001 && (b < 0x200 || b == 0xdb8)) || a == 0x2002 || (a == 0x3fff && b < 0x1000);
    is_global && !is_special
}

/// Why the address of a hook cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HookUrlError {
    /// It has a name or a password in it, which would be kept in the clear.
    #[error("webhook_url must not have a user name or password")]
    Credentials,
    /// It is not the address of something on the web.
    #[error("webhook_url must be an http or https address with a host, and without a fragment")]
    Form,
    /// It is too long.
    #[error("webhook_url is too long")]
    Length,
    /// It leads into a private network.
    #[error("webhook_url leads into a private network, where this server makes no deliveries")]
    Private,
}

/// Reads the address of a hook. A host that is a name is looked at when it is resolved, for each delivery.
///
/// # Errors
/// No deliveries can be made there.
pub fn parse_url(text: &str, allow_private_addresses: bool) -> Result<Url, HookUrlError> {
    if text.len() > MAX_HOOK_URL_BYTES {
        return Err(HookUrlError::Length);
    }
    let url = Url::parse(text).map_err(|_| HookUrlError::Form)?;
    if !matches!(url.scheme(), "http" | "https") || url.fragment().is_some() {
        return Err(HookUrlError::Form);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(HookUrlError::Credentials);
    }
    // The parser has already made addresses in other notations (2130706433, 0x7f.1) into the usual one.
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(HookUrlError::Form)?;
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    if literal.is_ok_and(|address| !allow_private_addresses && !is_public(address)) {
        return Err(HookUrlError::Private);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_not_public() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "5f00::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.255.255",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.255.255",
            "198.20.0.1",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00::1",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn urls_that_lead_elsewhere_are_refused() {
        use HookUrlError::*;
        let long = format!("https://example.com/{}", "a".repeat(MAX_HOOK_URL_BYTES));
        for (text, expected) in [
            ("ftp://example.com/", Form),
            ("file:///etc/passwd", Form),
            ("unix:/run/x", Form),
            ("example.com", Form),
            ("https://", Form),
            ("https://example.com/#a", Form),
            ("https://a@example.com/", Credentials),
            ("https://a:b@example.com/", Credentials),
            ("https://:b@example.com/", Credentials),
            ("http://127.0.0.1/", Private),
            ("http://127.1/", Private),
            ("http://2130706433/", Private),
            ("http://0x7f.0.0.1/", Private),
            ("http://0177.0.0.1/", Private),
            ("http://[::1]/", Private),
            ("http://[::ffff:169.254.169.254]/", Private),
            ("http://１２７.０.０.１/", Private),
            (&long, Length),
        ] {
            assert_eq!(parse_url(text, false), Err(expected), "{text}");
        }
        for text in
            ["https://example.com/a?b=c", "http://example.com:8080", "https://8.8.8.8/", "https://localhost/"]
        {
            assert!(parse_url(text, false).is_ok(), "{text}");
        }
        assert!(parse_url("http://127.0.0.1:1/", true).is_ok());
        assert_eq!(parse_url("http://a@127.0.0.1:1/", true), Err(Credentials));
    }
}
