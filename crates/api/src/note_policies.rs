//! Extended access policies of a note ("EACP"): what a reader must show besides the recipient's key.

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tozstore_crypto::NoteId;

use crate::absent::null_as_default;

/// Bytes that the policies of one note may have, as JSON.
pub const MAX_EXTENDED_POLICY_BYTES: usize = 16 * 1024;

/// The policies of a note. All of them must be satisfied.
///
/// A policy that is not known is refused: who writes one must not be told that the note is protected by it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ExtendedPolicies {
    /// A code that is sent by e-mail, if the server sends any. Passed on whole; see [`EmailPolicy`] for what the server
    /// reads.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "passed_on")]
    pub email_eacp: Option<Map<String, Value>>,
    /// Another note was read not long ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_access_eacp: Option<LastAccessPolicy>,
    /// A session with an identity provider. Passed on; there are no sessions, so the note cannot be read.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "passed_on")]
    pub tozid_eacp: Option<Map<String, Value>>,
    /// A code that the writer asks the server for, and passes on.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "if_included")]
    pub tozny_otp_eacp: Option<OneTimeCodePolicy>,
}

/// What the server reads of a policy that asks for a code sent by e-mail.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct EmailPolicy {
    /// Where the code goes.
    pub email_address: String,
    /// Name of the text of the mail. There is one text, whatever its name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub template: String,
    /// Where the reader uses the code.
    #[serde(default, deserialize_with = "null_as_default")]
    pub provider_link: String,
    /// Minutes that a code lives, if its reader does not say; zero for what the server thinks right.
    #[serde(default, deserialize_with = "null_as_default")]
    pub default_expiration_minutes: u32,
}

/// Which note must have been read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LastAccessPolicy {
    /// Its id.
    pub last_read_note_id: NoteId,
}

/// A code is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OneTimeCodePolicy {
    /// True: `{"include": false}` is no policy.
    pub include: bool,
}

impl ExtendedPolicies {
    /// Whether there is no policy.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The policy that asks for a code sent by e-mail, if there is one.
    ///
    /// # Errors
    /// It names no address, or is not of its form.
    pub fn email(&self) -> Option<Result<EmailPolicy, serde_json::Error>> {
        let policy = self.email_eacp.clone()?;
        Some(serde_json::from_value(Value::Object(policy)))
    }

    /// Parses the JSON object that the policies serialise to.
    ///
    /// # Errors
    /// The text is none.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The JSON object.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// An object without the members that are null, and without a `basic` that is false: some clients cannot read them.
fn passed_on<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Map<String, Value>>, D::Error> {
    let Some(mut policy) = Option::<Map<String, Value>>::deserialize(deserializer)? else { return Ok(None) };
    policy.retain(|name, value| !(value.is_null() || name == "basic" && *value == Value::Bool(false)));
    let bytes = Value::Object(policy.clone()).to_string().len();
    if bytes > MAX_EXTENDED_POLICY_BYTES {
        return Err(de::Error::custom(format_args!(
            "a policy of a note has more than {MAX_EXTENDED_POLICY_BYTES} bytes"
        )));
    }
    Ok(Some(policy))
}

fn if_included<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OneTimeCodePolicy>, D::Error> {
    Ok(Option::<OneTimeCodePolicy>::deserialize(deserializer)?.filter(|policy| policy.include))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_by_clients_is_left_out() {
        for (sent, kept) in [
            ("{}", "{}"),
            (r#"{"email_eacp":null,"last_access_eacp":null,"tozid_eacp":null,"tozny_otp_eacp":null}"#, "{}"),
            (r#"{"tozny_otp_eacp":{"include":false}}"#, "{}"),
            (r#"{"tozny_otp_eacp":{"include":true}}"#, r#"{"tozny_otp_eacp":{"include":true}}"#),
            (
                r#"{"tozid_eacp":{"realm_name":"r","basic":false,"x":null}}"#,
                r#"{"tozid_eacp":{"realm_name":"r"}}"#,
            ),
            (
                r#"{"email_eacp":{"email_address":"a@b.c","template_fields":{"n":"v"},"default_expiration_minutes":5}}"#,
                r#"{"email_eacp":{"email_address":"a@b.c","template_fields":{"n":"v"},"default_expiration_minutes":5}}"#,
            ),
        ] {
            let policies = ExtendedPolicies::from_json(sent).unwrap();
            assert_eq!(policies.to_json(), kept);
            assert_eq!(policies.is_empty(), kept == "{}");
        }
    }

    #[test]
    fn what_counts_of_a_mail_is_read() {
        let email = |text: &str| {
            ExtendedPolicies::from_json(&format!(r#"{{"email_eacp":{text}}}"#)).unwrap().email().unwrap()
        };
        let policy =
            email(r#"{"email_address":"a@b.c","template":null,"template_fields":{"n":"v"}}"#).unwrap();
        assert_eq!((policy.email_address.as_str(), policy.default_expiration_minutes), ("a@b.c", 0));
        for text in
            ["{}", r#"{"email_address":1}"#, r#"{"email_address":"a","default_expiration_minutes":-1}"#]
        {
            assert!(email(text).is_err(), "{text}");
        }
        assert!(ExtendedPolicies::default().email().is_none());
    }

    #[test]
    fn policies_that_nobody_would_check_are_refused() {
        for text in [
            r#"{"moon_eacp":{}}"#,
            r#"{"last_access_eacp":{}}"#,
            r#"{"last_access_eacp":{"last_read_note_id":""}}"#,
            r#"{"tozny_otp_eacp":{"include":true,"length":6}}"#,
            r#"{"email_eacp":"a@b.c"}"#,
        ] {
            assert!(ExtendedPolicies::from_json(text).is_err(), "{text}");
        }
        let long = "x".repeat(MAX_EXTENDED_POLICY_BYTES);
        assert!(
            ExtendedPolicies::from_json(&format!(r#"{{"tozid_eacp":{{"realm_name":"{long}"}}}}"#)).is_err()
        );
    }
}
