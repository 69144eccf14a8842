//! Signed requests ("TZS1"): method, host, path, query and body, signed with the key of a client's newest bundle
//! (section 15).
//!
//! ```text
//! value of Authorization = "TZS1 " client "; " bundle digest "; " unix ms "; " nonce "; " signature
//! signature = Ed25519(F("request"; store, client, bundle digest, LE64 unix ms, nonce 16, METHOD, authority, path, query,
//!             BLAKE2b-256(body)))
//! ```
//!
//! Nothing is normalised: path and query are the bytes of the request line. That a request comes once only, and in
//! time, is for the server to see to by nonce and time.

use super::{Digest, SigningKey};
use crate::encoding::{decode_array_strictly, encode_base64url};
use crate::label::SealedLabel;
use crate::{
    ClientId, ParseError, RequestNonce, Signature, SigningPublicKey, StoreId, VerifyError, blake2b_256,
};

const SCHEME: &str = "TZS1 ";
const SEPARATOR: &str = "; ";
/// Longer than any genuine value, which has at most 219 bytes.
const MAX_HEADER_BYTES: usize = 256;
/// Path and query together. Bounds the work that one request can ask for.
const MAX_TARGET_BYTES: usize = 64 * 1024;
/// Times stay below this, like all numbers of the format.
const TIME_END_MS: u64 = 1 << 53;

/// What a client is about to send, or what a server received: all that a signature covers.
#[derive(Clone, Copy, Debug)]
pub struct SealedRequest<'a> {
    /// The store that it is for.
    pub store: StoreId,
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// The host that the client dials, in lower case, without a default port.
    pub authority: &'a str,
    /// The path as it is sent, percent escapes and all.
    pub path: &'a str,
    /// The query as it is sent, without the question mark; empty if there is none.
    pub query: &'a str,
    /// The body, or no bytes.
    pub body: &'a [u8],
}

/// The value of `Authorization`, read but not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedRequestHeader {
    /// Who says that it signed.
    pub client: ClientId,
    /// The bundle whose key signed.
    pub bundle: Digest,
    /// When, by the sender's clock, in milliseconds since 1970.
    pub unix_ms: u64,
    /// Fresh for each request of one key.
    pub nonce: RequestNonce,
    signature: Signature,
}

impl SealedRequest<'_> {
    /// Signs in the name of a client, with the key of its bundle of this digest. The nonce must be fresh.
    pub fn sign(
        &self,
        client: ClientId,
        bundle: Digest,
        unix_ms: u64,
        nonce: RequestNonce,
        key: &SigningKey,
    ) -> SealedRequestHeader {
        let signature =
            self.with_parts(client, bundle, unix_ms, nonce, |parts| key.sign(SealedLabel::Request, parts));
        SealedRequestHeader { client, bundle, unix_ms, nonce, signature }
    }

    fn with_parts<T>(
        &self,
        client: ClientId,
        bundle: Digest,
        unix_ms: u64,
        nonce: RequestNonce,
        call: impl FnOnce(&[&[u8]]) -> T,
    ) -> T {
        call(&[
            self.store.as_bytes(),
            client.as_bytes(),
            bundle.as_bytes(),
            &unix_ms.to_le_bytes(),
            nonce.as_bytes(),
            self.method.as_bytes(),
            self.authority.as_bytes(),
            self.path.as_bytes(),
            self.query.as_bytes(),
            &blake2b_256(self.body),
        ])
    }
}

impl SealedRequestHeader {
    /// Whether a header's value is meant as a signed request of this kind, sound or not.
    pub fn is_meant(value: &str) -> bool {
        value.starts_with(SCHEME)
    }

    /// Reads a header's value: exactly five parts, each in its one form.
    ///
    /// # Errors
    /// A part is missing, or has another form.
    pub fn parse(value: &str) -> Result<Self, ParseError> {
        const EXPECTED: ParseError = ParseError::new("a TZS1 header of five parts");
        if value.len() > MAX_HEADER_BYTES {
            return Err(EXPECTED);
        }
        let mut parts = value.strip_prefix(SCHEME).ok_or(EXPECTED)?.split(SEPARATOR);
        let mut next = || parts.next().ok_or(EXPECTED);
        let header = Self {
            client: next()?.parse()?,
            bundle: next()?.parse()?,
            unix_ms: next()?.parse().map_err(|_| EXPECTED)?,
            nonce: RequestNonce::from_bytes(*decode_array_strictly(next()?)?),
            signature: next()?.parse()?,
        };
        // Ids in upper case, numbers with zeros before them, padding: there is one text of every value.
        if parts.next().is_none() && header.unix_ms < TIME_END_MS && header.to_string() == value {
            Ok(header)
        } else {
            Err(EXPECTED)
        }
    }

    /// Checks that this key signed this request.
    ///
    /// # Errors
    /// It did not, or path and query are longer than 64 KiB.
    pub fn verify(&self, request: &SealedRequest<'_>, key: &SigningPublicKey) -> Result<(), VerifyError> {
        if request.path.len() + request.query.len() > MAX_TARGET_BYTES {
            return Err(VerifyError);
        }
        request.with_parts(self.client, self.bundle, self.unix_ms, self.nonce, |parts| {
            key.verify(&SealedLabel::Request.frame(parts), &self.signature)
        })
    }
}

impl std::fmt::Display for SealedRequestHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { client, bundle, unix_ms, nonce, signature } = self;
        let nonce = encode_base64url(nonce.as_bytes());
        write!(f, "{SCHEME}{client}; {bundle}; {unix_ms}; {nonce}; {signature}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::ClientKeys;

    const REQUEST: SealedRequest<'static> = SealedRequest {
        store: StoreId::from_bytes([1; 16]),
        method: "PUT",
        authority: "store.example.com:8443",
        path: "/v3/records/a/b%2Fc",
        query: "x=1",
        body: b"body",
    };

    fn signed() -> (SealedRequestHeader, SigningPublicKey) {
        let key = ClientKeys::from_bytes(&[7; 64]).signing_key();
        let (client, nonce) = (ClientId::from_bytes([0xab; 16]), RequestNonce::from_bytes([3; 16]));
        let bundle = Digest::from_bytes([4; 32]);
        (REQUEST.sign(client, bundle, 1_700_000_000_000, nonce, &key), key.public_key())
    }

    #[test]
    fn all_of_a_request_is_covered() {
        let (header, key) = signed();
        assert_eq!(header.verify(&REQUEST, &key), Ok(()));
        let other = ClientKeys::from_bytes(&[8; 64]).signing_key().public_key();
        assert_eq!(header.verify(&REQUEST, &other), Err(VerifyError));
        for request in [
            SealedRequest { store: StoreId::from_bytes([9; 16]), ..REQUEST },
            SealedRequest { method: "POST", ..REQUEST },
            SealedRequest { authority: "store.example.com", ..REQUEST },
            SealedRequest { path: "/v3/records/a/b/c", ..REQUEST },
            SealedRequest { query: "", ..REQUEST },
            SealedRequest { query: "x=2", ..REQUEST },
            SealedRequest { body: b"", ..REQUEST },
            SealedRequest { body: b"bodY", ..REQUEST },
        ] {
            assert_eq!(header.verify(&request, &key), Err(VerifyError), "{request:?}");
        }
        for header in [
            SealedRequestHeader { client: ClientId::from_bytes([9; 16]), ..header.clone() },
            SealedRequestHeader { bundle: Digest::from_bytes([9; 32]), ..header.clone() },
            SealedRequestHeader { unix_ms: header.unix_ms + 1, ..header.clone() },
            SealedRequestHeader { nonce: RequestNonce::from_bytes([9; 16]), ..header.clone() },
        ] {
            assert_eq!(header.verify(&REQUEST, &key), Err(VerifyError), "{header:?}");
        }
        let long = "x".repeat(MAX_TARGET_BYTES);
        assert_eq!(header.verify(&SealedRequest { query: &long, ..REQUEST }, &key), Err(VerifyError));
    }

    #[test]
    fn a_header_has_one_text() {
        let (header, _) = signed();
        let text = header.to_string();
        assert!(text.len() < MAX_HEADER_BYTES && SealedRequestHeader::is_meant(&text));
        assert_eq!(SealedRequestHeader::parse(&text), Ok(header));
        for broken in [
            text.replace("abab", "ABAB"),
            text.replace("; ", ";"),
            format!("{text}; "),
            format!("{text}="),
            text.replace("1700000000000", "01700000000000"),
            text.replace("1700000000000", "+1700000000000"),
            text.replace("1700000000000", "9007199254740992"),
            text.replace("TZS1 ", "TZS1  "),
            text.replace("TZS1 ", "TZS2 "),
            text.rsplit_once("; ").unwrap().0.to_owned(),
            "x".repeat(MAX_HEADER_BYTES + 1),
        ] {
            assert!(SealedRequestHeader::parse(&broken).is_err(), "{broken}");
        }
    }
}
