//! Signed requests.

use serde_json::Value;

use super::Read as _;
use crate::{RequestToSign, SignedRequest, SigningKeyPair, blake2b_256};

pub(super) fn tsv1(file: &Value) -> usize {
    let key = SigningKeyPair::from_text(file["signing_key"].text("private")).unwrap();
    for case in file.list("cases") {
        let (method, url, expected) =
            (case.text("method"), case.text("url"), case.text("authorization_header"));
        let (path, query) = path_and_query(url);
        assert_eq!(blake2b_256(case.text("string_to_sign").as_bytes()), case.bytes::<32>("blake2b_256_hex"));
        let request = SignedRequest::parse(expected).unwrap();
        assert_eq!(request.client_id(), case["client_id"].as_str().and_then(|id| id.parse().ok()));
        assert_eq!(request.nonce().to_string(), case.text("nonce"));
        assert!(request.verify(method, path, query).is_ok(), "{url}");
        assert!(request.verify("DELETE", path, query).is_err());
        assert!(request.verify(method, "/v2/other", query).is_err());
        assert!(request.verify(method, path, Some("x=y")).is_err());
        let ours = RequestToSign { method, path, query }.sign(
            request.unix_seconds(),
            request.nonce(),
            request.client_id(),
            &key,
        );
        // We write escapes in queries as Go does, JavaScript as it got them. Both verify.
        assert_eq!(ours == expected, !query.is_some_and(|query| query.contains("%20")), "{url}");
        assert!(SignedRequest::parse(&ours).unwrap().verify(method, path, query).is_ok());
    }
    file.list("cases").len()
}

/// Of an URL, as a server gets them.
pub(super) fn path_and_query(url: &str) -> (&str, Option<&str>) {
    let target = url.strip_prefix("https://api.e3db.com").unwrap();
    match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (if target.is_empty() { "/" } else { target }, None),
    }
}
