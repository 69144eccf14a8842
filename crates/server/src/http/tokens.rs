//! Access tokens: `POST /v1/auth/token` (RFC 6749, section 4.4) and `POST /v1/auth/validate`.

use std::sync::Arc;

use axum::extract::State;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use tozstore_api::{AccessToken, BEARER, SecretText, ValidateToken, ValidatedToken, paths};
use tozstore_crypto::{SecretHash, decode_base64url};
use zeroize::Zeroizing;

use super::auth::authorization;
use super::{Credential, Error, Json, RawBody};
use crate::App;
use crate::store::StoreError;

const BAD_CREDENTIALS: Error =
    Error::Unauthorized("the API key or its secret is wrong, or the client is disabled");

/// Gets an access token.
///
/// For an API key and its secret. Each call gives a new one; older ones stay good.
#[utoipa::path(
    post, path = paths::ACCESS_TOKEN, security(("api_key" = []), ()), request_body(
        content = std::collections::BTreeMap<String, String>, content_type = "application/x-www-form-urlencoded",
        description = "`grant_type` is `client_credentials`. `client_id` and `client_secret` stand here or in the header."
    ),
    responses((status = 200, body = AccessToken))
)]
pub async fn issue(
    State(app): State<Arc<App>>,
    ApiKeyHeader(header): ApiKeyHeader,
    RawBody(body): RawBody,
) -> Result<axum::Json<AccessToken>, Error> {
    let form = std::str::from_utf8(&body).map_err(|_| Error::bad_request("the body is not a form"))?;
    if form_value(form, "grant_type").is_some_and(|value| *value != "client_credentials") {
        return Err(Error::bad_request("the only grant type is client_credentials"));
    }
    let ApiKey { id, secret } = header.or_else(|| ApiKey::from_form(form)).ok_or(BAD_CREDENTIALS)?;
    // Before the client is looked at: what disables it after that cancels this token.
    let issued = app.now();
    let row = app.store.read::<_, StoreError, _>("issue token", move |tx| tx.client_by_api_key(&id)).await?;
    let known =
        row.filter(|row| SecretHash::from_bytes(row.api_secret_hash).matches(secret.expose().as_bytes()));
    let client = known.filter(|row| row.enabled).ok_or(BAD_CREDENTIALS)?;
    let lifetime_s = app.config.tokens.access_token_lifetime_s;
    let expires = issued.plus_seconds(lifetime_s.into()).representable();
    Ok(axum::Json(AccessToken {
        access_token: app.keys.issue_access_token(client.id, issued, expires),
        token_type: BEARER.to_owned(),
        expires_in: lifetime_s.into(),
        expires_at: expires,
    }))
}

/// Tells whose access token this is.
#[utoipa::path(
    post, path = paths::ACCESS_TOKEN_VALIDATE, request_body = ValidateToken,
    responses((status = 200, body = ValidatedToken))
)]
pub async fn validate(
    State(app): State<Arc<App>>,
    credential: Credential,
    Json(question): Json<ValidateToken>,
) -> Result<axum::Json<ValidatedToken>, Error> {
    let asked = Credential::from_token(&app, question.token.expose());
    let answer = move |tx: &dyn crate::store::ReadTx| {
        credential.client(tx)?;
        asked.as_ref().ok_or(BAD_CREDENTIALS)?.client(tx)
    };
    let client = app.store.read("validate token", answer).await?;
    Ok(axum::Json(ValidatedToken { client_id: client.id, valid: true }))
}

/// An API key with its secret.
struct ApiKey {
    id: String,
    secret: SecretText,
}

impl ApiKey {
    /// `Basic base64(id:secret)` (RFC 7617).
    fn from_header(value: &str) -> Option<Self> {
        let (scheme, text) = value.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        // Basic uses the standard alphabet of base64.
        let text = Zeroizing::new(text.trim().replace('+', "-").replace('/', "_"));
        let bytes = Zeroizing::new(decode_base64url(&text).ok()?);
        let (id, secret) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
        Some(Self { id: id.to_owned(), secret: SecretText::new(secret) })
    }

    /// `client_id` and `client_secret` in the body, as some libraries try it second.
    fn from_form(form: &str) -> Option<Self> {
        let id = form_value(form, "client_id")?.to_string();
        Some(Self { id, secret: SecretText::new(form_value(form, "client_secret")?.as_str()) })
    }
}

fn form_value(form: &str, name: &str) -> Option<Zeroizing<String>> {
    let value = form.split('&').find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))?;
    Some(Zeroizing::new(percent_decode_str(&value.replace('+', " ")).decode_utf8().ok()?.into_owned()))
}

/// The API key in the header, if there is one.
pub struct ApiKeyHeader(Option<ApiKey>);

impl<S: Sync> axum::extract::FromRequestParts<S> for ApiKeyHeader {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(authorization(parts).and_then(ApiKey::from_header)))
    }
}
