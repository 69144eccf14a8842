//! The OpenAPI document of the whole HTTP API: `/openapi.json`.
//!
//! Each handler says beside itself what it takes and answers (`#[utoipa::path]`); here they are listed, and what many
//! have in common is said once. An entry of a handler is short therefore: it leaves out the segments of its path, and the
//! answers that [`COMMON`] adds.

mod descriptions;

use std::sync::LazyLock;

use axum::response::IntoResponse;
use bytes::Bytes;
use http::{StatusCode, header};
use serde_json::{Map, Value, json};
use tozstore_api::sealed::SealedErrorBody;
use tozstore_api::{ErrorBody, RecordType, paths};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{
    access_keys, accounts, clients, file_bytes, files, groups, health, hooks, listings, logins,
    note_challenges, note_files, notes, openapi, policies, record_notes, records, registration,
    registration_tokens, sealed, search, share_pages, term_search, tokens,
};

/// The document without what is common.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "TozStore",
        description = "An end-to-end encrypted record store. Values are sealed before they come here, and keys that \
                       open them never do. A member of a body that is null counts as absent, one that is not known is \
                       passed over, and the Content-Type of a request is not looked at."
    ),
    paths(
        tokens::issue, tokens::validate,
        registration::register, registration::mark_backup,
        clients::info, clients::many_keys, clients::list, clients::administered, clients::delete, clients::enable,
        clients::own, clients::add_signing_key, clients::keys,
        accounts::create, accounts::change, accounts::meta, accounts::put_meta, accounts::replace_queen, accounts::delete,
        logins::challenge, logins::log_in, logins::validate,
        registration_tokens::list, registration_tokens::create, registration_tokens::delete,
        hooks::list, hooks::create, hooks::delete,
        records::write, records::read_batch, records::read_shared_batch, records::read, records::update,
        records::delete, records::update_safe, records::delete_safe, records::edit, records::delete_many,
        search::search, term_search::search,
        files::announce, files::read, files::commit, files::announce_version, files::announce_edit, files::commit_edit,
        files::update, files::list, file_bytes::upload, file_bytes::download,
        notes::create, notes::replace, notes::read, notes::delete, notes::views, note_challenges::challenge,
        note_challenges::prime, note_files::announce, note_files::commit, record_notes::list, record_notes::delete,
        access_keys::read, access_keys::put, access_keys::delete, access_keys::delete_as_reader,
        policies::put, policies::put_for_record, policies::delete_authorizer, policies::put_as_reader,
        listings::incoming, listings::outgoing, listings::proxies, listings::granted,
        share_pages::outgoing, share_pages::incoming, share_pages::authorizers, share_pages::authorized_by,
        groups::create, groups::list, groups::many, groups::read, groups::describe, groups::delete,
        groups::members::list, groups::members::add, groups::members::update, groups::members::remove,
        groups::members::list_many,
        groups::memberships::own_key, groups::memberships::by_capability, groups::memberships::capabilities,
        groups::memberships::owned,
        groups::shares::list, groups::shares::share, groups::shares::unshare, groups::shares::list_many,
        groups::shares::allowed_readers, groups::shares::allowed_edit, groups::shares::edit_record,
        sealed::store::read, sealed::bundles::put, sealed::bundles::chain, sealed::bundles::heads,
        sealed::logs::own, sealed::logs::read, sealed::append::append, sealed::logs::wrap, sealed::logs::links,
        sealed::logs::shares,
        sealed::stages::create, sealed::stages::read, sealed::stages::delete, sealed::stages::put_page,
        sealed::stages::commit, sealed::censuses::read, sealed::censuses::put_page,
        sealed::records::write, sealed::record_reads::read, sealed::records::write_many, sealed::record_reads::list,
        sealed::record_reads::read_many, sealed::records::stale, sealed::records::rewrap,
        health::check, health::healthz, health::readyz, openapi::document,
    ),
    components(schemas(ErrorBody, RecordType, SealedErrorBody)),
    modifiers(&SecuritySchemes),
    security(("client" = []), ("signature" = []))
)]
struct Document;

/// Paths that lead to the handler of another one: method, path, the other path.
const ALIASES: &[(&str, &str, &str)] = &[
    ("post", paths::RECORDS_V2, paths::RECORDS),
    ("post", paths::FILES_V2, paths::FILES),
    ("get", paths::FILE_V2, paths::FILE),
    ("patch", paths::FILE_V2, paths::FILE),
    ("delete", paths::RECORD_NOTE_DELETE, paths::RECORD_NOTES_DELETE),
    ("get", "/v1/auth/healthcheck", health::PATH),
    ("get", "/v1/account/healthcheck", health::PATH),
    ("get", "/v1/account/servicecheck", health::PATH),
    ("get", "/v2/account/healthcheck", health::PATH),
    ("get", "/v2/account/servicecheck", health::PATH),
    ("get", "/v1/client/healthcheck", health::PATH),
    ("get", "/v1/storage/servicecheck", health::PATH),
];

/// Statuses that come of what an endpoint takes, whatever it does.
const COMMON: &[(Shape, StatusCode)] = &[
    (Shape::Authenticates, StatusCode::UNAUTHORIZED),
    (Shape::HasBody, StatusCode::BAD_REQUEST),
    (Shape::HasBody, StatusCode::REQUEST_TIMEOUT),
    (Shape::HasBody, StatusCode::PAYLOAD_TOO_LARGE),
    (Shape::HasQuery, StatusCode::BAD_REQUEST),
    (Shape::NamesThings, StatusCode::NOT_FOUND),
    (Shape::NamesType, StatusCode::BAD_REQUEST),
    (Shape::Any, StatusCode::TOO_MANY_REQUESTS),
    (Shape::Any, StatusCode::SERVICE_UNAVAILABLE),
];

/// What the paths of the sealed format begin with, save for what belongs to interop files.
const SEALED: &str = "/v3/";

#[derive(Clone, Copy)]
enum Shape {
    Any,
    Authenticates,
    HasBody,
    HasQuery,
    NamesThings,
    NamesType,
}

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| {
    let mut document = json!(Document::openapi());
    complete(&mut document);
    document.to_string().into()
});

/// Gives this document.
#[utoipa::path(get, path = "/openapi.json", security(()), responses((status = 200, body = Object)))]
pub async fn document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.clone())
}

struct SecuritySchemes;

impl Modify for SecuritySchemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let http = |scheme, text| {
            SecurityScheme::Http(HttpBuilder::new().scheme(scheme).description(Some(text)).build())
        };
        let signature = "A signature of the request, `TSV1-ED25519-BLAKE2B …`: docs/formats/interop.md.";
        let schemes = [
            ("account", http(HttpAuthScheme::Bearer, "An account token, from a login.")),
            ("api_key", http(HttpAuthScheme::Basic, "The API key and secret of a client.")),
            ("client", http(HttpAuthScheme::Bearer, "An access token of a client.")),
            (
                "sealed",
                SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(
                    "Authorization",
                    "A signature of the request and its body, `TZS1 …`: docs/formats/sealed.md, section 15.",
                ))),
            ),
            (
                "signature",
                SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(
                    "Authorization",
                    signature,
                ))),
            ),
        ];
        let components = document.components.get_or_insert_default();
        for (name, scheme) in schemes {
            components.add_security_scheme(name, scheme);
        }
    }
}

/// Adds aliases, segments of paths, names of operations, and answers.
fn complete(document: &mut Value) {
    add_aliases(&mut document["paths"]);
    for (path, methods) in members(&mut document["paths"]) {
        for (_, operation) in members(methods) {
            name(operation);
            add_segments(path, operation);
            add_answers(path, operation);
        }
    }
    descriptions::clean(document);
}

fn add_aliases(paths: &mut Value) {
    for (ordinal, (method, alias, path)) in ALIASES.iter().enumerate() {
        let mut operation = paths[path][method].clone();
        if let Some(id) = operation["operationId"].as_str() {
            operation["operationId"] = format!("{id}_{}", ordinal + 2).into();
        }
        if paths.get(alias).is_none() {
            paths[alias] = json!({});
        }
        paths[alias][method] = operation;
    }
}

/// The module of its handler groups an operation, and makes its name unique.
fn name(operation: &mut Value) {
    let module = operation["tags"][0].as_str().unwrap_or_default().replace("::", "_");
    let id = operation["operationId"].as_str().unwrap_or_default();
    operation["operationId"] = format!("{module}_{id}").into();
    operation["tags"] = json!([module]);
}

fn add_segments(path: &str, operation: &mut Value) {
    let names = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let segments = names.map(|name| {
        let schema = match name {
            "record_type" => json!({ "$ref": "#/components/schemas/RecordType" }),
            "token" => json!({ "type": "string", "minLength": 1 }),
            "sequence" | "first" => json!({ "type": "integer", "format": "int64", "minimum": 0 }),
            "digest" | "root" => json!({ "type": "string", "minLength": 43, "maxLength": 43 }),
            "webhook_id" => json!({ "type": "integer", "format": "int64", "minimum": 0 }),
            _ => json!({ "type": "string", "format": "uuid" }),
        };
        json!({ "name": name, "in": "path", "required": true, "schema": schema })
    });
    let mut parameters: Vec<Value> = segments.collect();
    parameters.extend(operation["parameters"].as_array().into_iter().flatten().cloned());
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
}

fn add_answers(path: &str, operation: &mut Value) {
    let is_public = operation.get("security").is_some_and(|security| *security == json!([{}]));
    let has_query = operation["parameters"].as_array().into_iter().flatten().any(|one| one["in"] == "query");
    let has_body = operation.get("requestBody").is_some();
    for (shape, status) in COMMON {
        let has = match shape {
            Shape::Any => true,
            Shape::Authenticates => !is_public,
            Shape::HasBody => has_body,
            Shape::HasQuery => has_query,
            Shape::NamesThings => path.contains('{'),
            Shape::NamesType => path.contains("{record_type}"),
        };
        if has && operation["responses"].get(status.as_str()).is_none() {
            operation["responses"][status.as_str()] = json!({});
        }
    }
    for (status, answer) in members(&mut operation["responses"]) {
        let status: StatusCode = status.parse().unwrap_or_default();
        if answer["description"].as_str().is_none_or(str::is_empty) {
            answer["description"] = meaning(status).into();
        }
        if !status.is_success() {
            let body = if path.starts_with(SEALED) && path != paths::FILE_BYTES {
                "SealedErrorBody"
            } else {
                "ErrorBody"
            };
            let schema = json!({ "$ref": format!("#/components/schemas/{body}") });
            answer["content"] = json!({ "application/json": { "schema": schema } });
        }
    }
}

fn meaning(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "The request is not of the form that this takes.",
        StatusCode::UNAUTHORIZED => "The caller did not prove who it is.",
        StatusCode::FORBIDDEN => "The caller may not do this.",
        StatusCode::NOT_FOUND => "There is no such thing, or none that the caller may see.",
        StatusCode::REQUEST_TIMEOUT => "The body did not come in time.",
        StatusCode::CONFLICT => "The state of things does not allow it.",
        StatusCode::PAYLOAD_TOO_LARGE => "The body is too large.",
        StatusCode::TOO_MANY_REQUESTS => {
            "Too many attempts or requests, or a quota is used up: `Retry-After` says how long to wait."
        }
        StatusCode::NOT_IMPLEMENTED => "The protocol has this, the server does not.",
        StatusCode::SERVICE_UNAVAILABLE => "The server has too much to do at the moment, or is stopping.",
        StatusCode::CREATED => "It is there now.",
        StatusCode::ACCEPTED => "It was announced.",
        StatusCode::NO_CONTENT => "It is done.",
        _ => "The answer.",
    }
}

fn members(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flat_map(Map::iter_mut)
}
