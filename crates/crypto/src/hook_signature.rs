//! Signatures of deliveries to hooks, after the specification of Standard Webhooks, so that any of its libraries checks
//! them: `"v1," base64(HMAC-SHA-256(secret, id "." seconds "." body))`, and a secret of `"whsec_" base64(32 bytes)`.

use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use crate::secret::{Secret, secret_type};
use crate::{ParseError, VerifyError, primitives};

const SECRET_PREFIX: &str = "whsec_";
const VERSION_PREFIX: &str = "v1,";
/// Signatures that one header may have: more than one while a secret is being changed.
const MAX_SIGNATURES: usize = 16;

secret_type! {
    /// What the deliveries to one hook are signed with. The server and the receiver have it.
    HookSecret, 32
}

impl HookSecret {
    /// A secret that was derived.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret::copy_of(bytes))
    }

    /// Its text, for the receiver to keep.
    pub fn expose_text(&self) -> Zeroizing<String> {
        let text = Zeroizing::new(BASE64_STANDARD.encode(self.0.expose()));
        Zeroizing::new([SECRET_PREFIX, &text].concat())
    }

    /// The signature of a delivery: the value of its header `webhook-signature`.
    pub fn sign(&self, id: &str, unix_seconds: i64, body: &[u8]) -> String {
        format!("{VERSION_PREFIX}{}", BASE64_STANDARD.encode(tag(self.0.expose(), id, unix_seconds, body)))
    }

    /// Checks a delivery by the values of its headers `webhook-id`, `webhook-timestamp` and `webhook-signature`. How old
    /// it may be is for the caller to say.
    ///
    /// # Errors
    /// None of the signatures is of this secret, time and body.
    pub fn verify(
        &self,
        id: &str,
        unix_seconds: i64,
        body: &[u8],
        signatures: &str,
    ) -> Result<(), VerifyError> {
        let tag = tag(self.0.expose(), id, unix_seconds, body);
        let holds = |signature: &str| {
            let text = signature.strip_prefix(VERSION_PREFIX)?;
            let bytes = <[u8; 32]>::try_from(BASE64_STANDARD.decode(text).ok()?).ok()?;
            primitives::equal_in_constant_time(&bytes, &tag).then_some(())
        };
        signatures.split(' ').take(MAX_SIGNATURES).find_map(holds).ok_or(VerifyError)
    }
}

fn tag(secret: &[u8], id: &str, unix_seconds: i64, body: &[u8]) -> [u8; 32] {
    let seconds = unix_seconds.to_string();
    primitives::hmac_sha256(secret, &[id.as_bytes(), b".", seconds.as_bytes(), b".", body])
}

impl FromStr for HookSecret {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const EXPECTED: ParseError = ParseError::new("whsec_ and the base64 of 32 bytes");
        let text = text.strip_prefix(SECRET_PREFIX).ok_or(EXPECTED)?;
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(text).map_err(|_| EXPECTED)?);
        let bytes = <&[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| EXPECTED)?;
        Ok(Self::from_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";

    #[test]
    fn a_signature_is_for_one_secret_delivery_time_and_body() {
        let secret = HookSecret::from_bytes(&[7; 32]);
        let signature = secret.sign(ID, 1_614_265_330, b"{}");
        assert_eq!(secret.verify(ID, 1_614_265_330, b"{}", &signature), Ok(()));
        let others = format!("v1,AAAA v2,{} {signature}", &signature[3..]);
        assert_eq!(secret.verify(ID, 1_614_265_330, b"{}", &others), Ok(()));
        let other = HookSecret::from_bytes(&[8; 32]);
        assert_eq!(other.verify(ID, 1_614_265_330, b"{}", &signature), Err(VerifyError));
        assert_eq!(secret.verify("msg_x", 1_614_265_330, b"{}", &signature), Err(VerifyError));
        assert_eq!(secret.verify(ID, 1_614_265_331, b"{}", &signature), Err(VerifyError));
        assert_eq!(secret.verify(ID, 1_614_265_330, b"{} ", &signature), Err(VerifyError));
        for signatures in ["", "v1,", &signature[3..], &signature.replace("v1", "v2")] {
            assert_eq!(secret.verify(ID, 1_614_265_330, b"{}", signatures), Err(VerifyError), "{signatures}");
        }
    }

    #[test]
    fn secrets_read_back_from_their_text() {
        let secret = HookSecret::from_bytes(&[7; 32]);
        let text = secret.expose_text();
        assert_eq!(*text, "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");
        let again: HookSecret = text.parse().unwrap();
        assert_eq!(again.sign(ID, 0, b""), secret.sign(ID, 0, b""));
        for text in ["", "whsec_", "whsec_AAAA", &text[6..], &text.replace('B', "_")] {
            assert!(text.parse::<HookSecret>().is_err(), "{text}");
        }
    }

    /// The example of the specification, whose secret is shorter than ours.
    #[test]
    fn signatures_are_those_of_the_specification() {
        let key = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let tag = tag(&key, ID, 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(BASE64_STANDARD.encode(tag), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    /// RFC 4231, test cases 2 and 4.
    #[test]
    fn hmac_gives_the_known_answers() {
        let hex = |bytes: [u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let tag = primitives::hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(hex(tag), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let key: Vec<u8> = (1..=25).collect();
        let tag = primitives::hmac_sha256(&key, &[&[0xcd; 50]]);
        assert_eq!(hex(tag), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    }
}
