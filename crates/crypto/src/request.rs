//! Signed requests ("TSV1"): method, path and query, signed with a client's key.
//!
//! ```text
//! header  = "TSV1-ED25519-BLAKE2B; " public key "; " unix seconds "; " nonce "; uid:" client id
//! text    = path "; " query "; " METHOD "; " header
//! value of Authorization = header "; " base64url(Ed25519(BLAKE2b-256(text)))
//! ```
//!
//! Not covered: body, host, all other headers. That a request comes once only, and in time, is for the server to see
//! to by nonce and time.

mod canonical;

use std::fmt;

use crate::{
    ClientId, ParseError, RequestNonce, Signature, SigningKeyPair, SigningPublicKey, VerifyError, blake2b_256,
};

const ALGORITHM: &str = "TSV1-ED25519-BLAKE2B";
const SEPARATOR: &str = "; ";
const CLIENT_ID_PREFIX: &str = "uid:";
/// Longer than any genuine header, which has at most 247 bytes.
const MAX_HEADER_BYTES: usize = 512;
/// Path and query together. Bounds the work that one request can ask for.
const MAX_TARGET_BYTES: usize = 16 * 1024;

/// What a client is about to send.
#[derive(Clone, Copy, Debug)]
pub struct RequestToSign<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// The path as it will be sent, percent escapes and all.
    pub path: &'a str,
    /// The query as it will be sent, without the question mark.
    pub query: Option<&'a str>,
}

impl RequestToSign<'_> {
    /// The value of the `Authorization` header. Without a client id the request is anonymous: its sender is known by
    /// the public key alone.
    ///
    /// The nonce must be fresh for each request.
    pub fn sign(
        &self,
        unix_seconds: u64,
        nonce: RequestNonce,
        client_id: Option<ClientId>,
        key: &SigningKeyPair,
    ) -> String {
        let client_id = client_id.map(|id| id.to_string()).unwrap_or_default();
        let public_key = key.public_key();
        let header =
            format!("{ALGORITHM}; {public_key}; {unix_seconds}; {nonce}; {CLIENT_ID_PREFIX}{client_id}");
        let target = canonical::to_sign(self.path, self.query);
        let signature = key.sign(&digest(&target, self.method, &header));
        format!("{header}{SEPARATOR}{signature}")
    }
}

/// The `Authorization` header of a signed request, read but not yet verified.
pub struct SignedRequest {
    header: String,
    public_key: SigningPublicKey,
    unix_seconds: u64,
    nonce: RequestNonce,
    client_id: Option<ClientId>,
    signature: Signature,
}

impl SignedRequest {
    /// Whether a header's value is meant as a signed request, sound or not: others may be bearer tokens.
    pub fn is_meant(header: &str) -> bool {
        header.starts_with(ALGORITHM)
    }

    /// Reads a header's value: exactly six parts.
    ///
    /// # Errors
    /// A part is missing, or has another form.
    pub fn parse(header: &str) -> Result<Self, ParseError> {
        const EXPECTED: ParseError = ParseError::new("a TSV1 header of six parts");
        if header.len() > MAX_HEADER_BYTES {
            return Err(EXPECTED);
        }
        let (signed, signature) = header.rsplit_once(SEPARATOR).ok_or(EXPECTED)?;
        let mut parts = signed.split(SEPARATOR);
        let mut next = || parts.next().ok_or(EXPECTED);
        if next()? != ALGORITHM {
            return Err(EXPECTED);
        }
        let public_key: SigningPublicKey = canonical_text(next()?)?;
        let unix_seconds = canonical_text(next()?)?;
        let nonce = next()?.parse()?;
        let client_id = match next()?.strip_prefix(CLIENT_ID_PREFIX).ok_or(EXPECTED)? {
            "" => None,
            text => Some(text.parse()?),
        };
        if parts.next().is_some() {
            return Err(EXPECTED);
        }
        let signature = canonical_text(signature)?;
        Ok(Self { header: signed.to_owned(), public_key, unix_seconds, nonce, client_id, signature })
    }

    /// Who signed. Nothing is known of this key but that it signed: whose it is the server must look up.
    pub const fn public_key(&self) -> &SigningPublicKey {
        &self.public_key
    }

    /// When the sender's clock says that it signed.
    pub const fn unix_seconds(&self) -> u64 {
        self.unix_seconds
    }

    /// Fresh for each request of one key.
    pub const fn nonce(&self) -> RequestNonce {
        self.nonce
    }

    /// As whom the sender wants to act. None: as nobody but the holder of the key.
    pub const fn client_id(&self) -> Option<ClientId> {
        self.client_id
    }

    /// Checks that the signature is for this method, path and query. The official clients write path and query in
    /// different ways before they sign; all of them are tried, see the list in the interop protocol.
    ///
    /// `raw_path` and `raw_query` are those of the request line, percent escapes and all.
    ///
    /// # Errors
    /// The signature holds in none of these ways, path and query are longer than 16 KiB, or path or method have a mark
    /// in them that ends them in the signed text.
    pub fn verify(&self, method: &str, raw_path: &str, raw_query: Option<&str>) -> Result<(), VerifyError> {
        if raw_path.len() + raw_query.map_or(0, str::len) > MAX_TARGET_BYTES {
            return Err(VerifyError);
        }
        // Neither can come over HTTP: with both plain, the signed text is taken apart in one way only.
        if raw_path.contains(SEPARATOR) || method.contains(SEPARATOR) {
            return Err(VerifyError);
        }
        let mut tried = Vec::new();
        for candidate in canonical::candidates(raw_path, raw_query) {
            if tried.contains(&candidate) {
                continue;
            }
            let digest = digest(&candidate, method, &self.header);
            if self.public_key.verify(&digest, &self.signature).is_ok() {
                return Ok(());
            }
            tried.push(candidate);
        }
        Err(VerifyError)
    }
}

impl fmt::Debug for SignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the signature: in a log the header could be used again.
        f.debug_struct("SignedRequest")
            .field("public_key", &self.public_key)
            .field("unix_seconds", &self.unix_seconds)
            .field("nonce", &self.nonce)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Path and query as they stand in the signed text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    path: String,
    query: String,
}

fn digest(target: &Target, method: &str, header: &str) -> [u8; 32] {
    let text = [&target.path, &target.query, &method.to_ascii_uppercase(), header].join(SEPARATOR);
    blake2b_256(text.as_bytes())
}

/// A value from the one text that it has, e.g. without leading zeros or padding.
fn canonical_text<T: std::str::FromStr + ToString>(text: &str) -> Result<T, ParseError> {
    let value: T = text.parse().map_err(|_| ParseError::new("a part of a TSV1 header"))?;
    if value.to_string() == text { Ok(value) } else { Err(ParseError::new("a part of a TSV1 header")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "d55u6bLR9tkMVA4OwYIPepOOeXVSHHEit8VoXGRMQiaf5wKRk9gooP9pN3LBJ28BIW9fZ9-ZZPLVsHtuPqkRSQ";
    const NONCE: &str = "59a7d5b6-35d2-41fd-99b2-066a07bd1632";
    const CLIENT: &str = "0e8eb8c6-839f-46ca-9843-801c539e490f";

    /// Verifies a request whose client signed `path` and `query` as given, and sent `sent` as its query.
    fn verifies(path: &str, query: &str, sent_path: &str, sent: &str) -> bool {
        let key = SigningKeyPair::from_text(KEY).unwrap();
        let header = format!("{ALGORITHM}; {}; 1000000000; {NONCE}; uid:{CLIENT}", key.public_key());
        let target = Target { path: path.to_owned(), query: query.to_owned() };
        let signature = key.sign(&digest(&target, "GET", &header));
        let request = SignedRequest::parse(&format!("{header}; {signature}")).unwrap();
        request.verify("GET", sent_path, Some(sent)).is_ok()
    }

    #[test]
    fn known_answer() {
        let key = SigningKeyPair::from_text(KEY).unwrap();
        let request = RequestToSign { method: "post", path: "/x/y%2Fz", query: Some("foo=quux&bar=baz") };
        let header = request.sign(1_000_000_000, NONCE.parse().unwrap(), CLIENT.parse().ok(), &key);
        assert!(header.ends_with(
            "; Gz2ONHJF6kcUX-2yZdveMuSShDf709wciDhbifNBQeAaGqqMW7B6DbQYlZ7KykvIX1DHZ7tolTH6u-gXq_n5CQ"
        ));
        let request = SignedRequest::parse(&header).unwrap();
        assert_eq!(request.client_id(), CLIENT.parse().ok());
        assert!(request.verify("POST", "/x/y%2Fz", Some("foo=quux&bar=baz")).is_ok());
        assert!(request.verify("GET", "/x/y%2Fz", Some("foo=quux&bar=baz")).is_err());
        assert!(request.verify("POST", "/x/y/z", Some("foo=quux&bar=baz")).is_err());
        assert!(request.verify("POST", "/x/y%2Fz", None).is_err());
    }

    #[test]
    fn anonymous_known_answer() {
        let key = SigningKeyPair::from_text(KEY).unwrap();
        let request = RequestToSign { method: "GET", path: "/v2/storage/notes", query: None };
        let nonce = "00000000-0000-4000-8000-000000000001".parse().unwrap();
        let header = request.sign(1_700_000_000, nonce, None, &key);
        assert!(header.ends_with(
            "; jXXYsCBC6VJY5hyPAehe4oYSwvyEqSRMh4KviCqghIdVbS1e5AZNzXtKMv2fH5B4cGvC_NmqjXj6y0XMNUyODg"
        ));
        assert_eq!(SignedRequest::parse(&header).unwrap().client_id(), None);
    }

    #[test]
    fn every_clients_way_of_writing_is_known() {
        // A client that encodes the value `a b!'()*~+/` with encodeURIComponent, and how the others write it.
        let sent = "b=2&a=a%20b!'()*~%2B%2F&a=0&d";
        assert!(verifies("/p", "a=a%20b!'()*~%2B%2F&a=0&b=2&d", "/p", sent), "JavaScript");
        assert!(verifies("/p", "a=a+b%21%27%28%29%2A~%2B%2F&a=0&b=2&d=", "/p", sent), "Go");
        assert!(verifies("/p", "a=0&a=a+b%21%27%28%29%2A~%2B%2F&b=2&d=", "/p", sent), "Python");
        assert!(verifies("/p", "a=0&a=a b!'()*~+/&b=2", "/p", sent.trim_end_matches("&d")), "Java");
        assert!(verifies("/p é", "q=a b%26c", "/p%20%C3%A9", "q=a%20b%26c"), "JavaScript, before escaping");
        assert!(verifies("", "", "/", ""), "Go, empty path");
    }

    #[test]
    fn other_requests_are_refused() {
        // Signed text, and a request with another meaning.
        for (query, sent) in [
            ("a=1&b=2", "a=1%26b%3D2"),
            ("a=1%262", "a=1&2"),
            ("a=%2541", "a=A"),
            ("a=1", "a=1&b=%zz"),
            ("a=1", "a=1&b=1;2"),
            ("a=1", "a=1&a=1"),
            ("a=null", "a"),
            ("a=1&b=null", "a=1&b"),
        ] {
            assert!(!verifies("/p", query, "/p", sent), "{query} {sent}");
        }
        assert!(!verifies("/a/b", "", "/a%2Fb", ""));
        assert!(!verifies("/a", "b=1; ", "/a;%20b=1", ""));
        assert!(!verifies("/a", "b=1; ", "/a; b=1", ""));
        assert!(!verifies("/a", "b=1", "/a%3Fb=1", ""));
        assert!(!verifies("/p", "", "/p", &"a".repeat(MAX_TARGET_BYTES)));
    }

    #[test]
    fn the_end_of_a_query_is_not_taken_for_a_method() {
        let key = SigningKeyPair::from_text(KEY).unwrap();
        let request = RequestToSign { method: "GET", path: "/a", query: Some("b; %zz") };
        let header = request.sign(7, RequestNonce::random(), None, &key);
        let request = SignedRequest::parse(&header).unwrap();
        assert!(request.verify("GET", "/a", Some("b; %zz")).is_ok());
        assert!(request.verify("%ZZ; GET", "/a", Some("b")).is_err());
        assert!(request.verify("%zz; GET", "/a", Some("b")).is_err());
    }

    #[test]
    fn no_target_is_written_in_more_than_seven_ways() {
        // Each signature that holds in none of them costs a verification each.
        for path in ["/", "/a%20b", "/%C3%A9"] {
            let query = "b=2&b=1&a=%20%C3%A9&c=+%27";
            let candidates: Vec<_> = canonical::candidates(path, Some(query)).collect();
            assert_eq!(candidates.len(), 7, "{path}");
        }
        assert_eq!(canonical::candidates("/a", Some("a=1")).count(), 5);
    }

    #[test]
    fn debug_output_does_not_let_the_request_be_sent_again() {
        let request = RequestToSign { method: "GET", path: "/", query: None };
        let header = request.sign(7, RequestNonce::random(), None, &SigningKeyPair::generate());
        let (_, signature) = header.rsplit_once(SEPARATOR).unwrap();
        assert!(!format!("{:?}", SignedRequest::parse(&header).unwrap()).contains(signature));
    }

    #[test]
    fn bad_headers_are_refused() {
        let request = RequestToSign { method: "GET", path: "/", query: None };
        let good = request.sign(7, RequestNonce::random(), None, &SigningKeyPair::generate());
        assert!(SignedRequest::parse(&good).is_ok());
        for (from, to) in [
            ("TSV1", "TSV2"),
            ("; 7;", "; 07;"),
            ("; 7;", "; +7;"),
            ("; 7;", "; ;"),
            ("; 7;", "; 7; 7;"),
            ("; 7;", "; 99999999999999999999;"),
            ("uid:", "uid"),
            ("uid:", "uid:x"),
            ("uid:", "uid:; "),
            ("; ", ";"),
        ] {
            assert!(SignedRequest::parse(&good.replacen(from, to, 1)).is_err(), "{from} {to}");
        }
        assert!(SignedRequest::parse(&format!("{good}=")).is_err());
        assert!(SignedRequest::parse(&good.replace("; ", "; ; ")).is_err());
    }
}
