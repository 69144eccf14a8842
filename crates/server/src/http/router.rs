//! Every route, on one page.

use std::sync::Arc;

use axum::extract::Request;
use axum::routing::{any, delete, get, patch, post, put};
use axum::{Router, middleware};
use http::Uri;
use http::uri::PathAndQuery;
use tower::Layer as _;
use tower::util::MapRequestLayer;
use tozstore_api::paths;

use super::{
    Error, access_keys, accounts, admission, clients, cors, file_bytes, files, groups, health, hooks,
    listings, log, logins, memory, metrics, note_challenges, note_files, notes, openapi, policies, rates,
    record_notes, records, registration, registration_tokens, sealed, search, share_pages, term_search,
    tokens, traces,
};
use crate::App;

/// The server as a service.
pub fn router(app: Arc<App>) -> Router {
    let routes = Router::new()
        // Authentication
        .route(paths::ACCESS_TOKEN, post(tokens::issue))
        .route(paths::ACCESS_TOKEN_VALIDATE, post(tokens::validate))
        // Registration
        .route(paths::REGISTER, post(registration::register))
        .route(paths::BACKUP, post(registration::mark_backup))
        // Clients
        .route(paths::CLIENT_INFO, get(clients::info))
        .route(paths::CLIENTS_PUBLIC, post(clients::many_keys))
        .route(paths::ADMIN_CLIENTS, get(clients::list))
        .route(paths::ADMIN_CLIENT, get(clients::administered).delete(clients::delete))
        .route(paths::ADMIN_CLIENT_ENABLE, patch(clients::enable))
        .route(paths::CLIENT, get(clients::own))
        .route(paths::CLIENT_KEYS, patch(clients::add_signing_key))
        .route(paths::CLIENT_PUBLIC, get(clients::keys))
        // Accounts
        .route(paths::ACCOUNT_PROFILE, post(accounts::create).patch(accounts::change))
        .route(paths::ACCOUNT_PROFILE_META, get(accounts::meta).put(accounts::put_meta))
        .route(paths::ACCOUNT_CHALLENGE, post(logins::challenge))
        .route(paths::ACCOUNT_LOGIN, post(logins::log_in))
        .route(paths::ACCOUNT_TOKEN_VALIDATE, post(logins::validate))
        .route(paths::ACCOUNT_QUEEN, post(accounts::replace_queen))
        .route(paths::ACCOUNT, delete(accounts::delete))
        // Registration tokens
        .route(paths::REGISTRATION_TOKENS, get(registration_tokens::list).post(registration_tokens::create))
        .route(paths::REGISTRATION_TOKEN, delete(registration_tokens::delete))
        // Hooks
        .route(paths::HOOKS, get(hooks::list).post(hooks::create))
        .route(paths::HOOK, delete(hooks::delete))
        // Records
        .route(paths::RECORDS, post(records::write).get(records::read_batch))
        .route(paths::RECORDS_SHARED, get(records::read_shared_batch))
        .route(paths::RECORD, get(records::read).put(records::update).delete(records::delete))
        .route(paths::RECORD_SAFE, put(records::update_safe).delete(records::delete_safe))
        .route(paths::RECORD_EDIT, put(records::edit))
        .route(paths::RECORDS_V2, post(records::write))
        .route(paths::RECORDS_BULK_DELETE, delete(records::delete_many))
        .route(paths::SEARCH, post(search::search))
        // Files
        .route(paths::FILES, post(files::announce))
        .route(paths::FILES_V2, post(files::announce))
        .route(paths::FILE, get(files::read).patch(files::commit))
        .route(paths::FILE_V2, get(files::read).patch(files::commit))
        .route(paths::FILE_VERSION, put(files::announce_version))
        .route(paths::FILE_EDIT, put(files::announce_edit))
        .route(paths::FILE_EDIT_COMMIT, patch(files::commit_edit))
        .route(paths::FILE_RECORD, put(files::update))
        .route(paths::FILE_LIST, post(files::list))
        .route(paths::FILE_BYTES, put(file_bytes::upload).get(file_bytes::download))
        .route(paths::TERM_SEARCH, post(term_search::search))
        // Notes
        .route(paths::NOTES, post(notes::create).put(notes::replace).get(notes::read))
        .route(paths::NOTE, delete(notes::delete))
        .route(paths::NOTE_VIEWS, get(notes::views))
        .route(paths::NOTE_CHALLENGE, patch(note_challenges::challenge))
        .route(paths::NOTE_PRIME, patch(note_challenges::prime))
        .route(paths::RECORD_NOTES, get(record_notes::list))
        .route(paths::RECORD_NOTES_DELETE, delete(record_notes::delete))
        .route(paths::RECORD_NOTE_DELETE, delete(record_notes::delete))
        .route(paths::NOTE_FILES, post(note_files::announce))
        .route(paths::NOTE_FILE, patch(note_files::commit))
        // Access keys
        .route(paths::ACCESS_KEY, get(access_keys::read).put(access_keys::put).delete(access_keys::delete))
        .route(paths::READER_ACCESS_KEY, delete(access_keys::delete_as_reader))
        // Policies
        .route(paths::POLICY, put(policies::put))
        .route(paths::POLICY_AUTHORIZER, delete(policies::delete_authorizer))
        .route(paths::READER_POLICY, put(policies::put_as_reader))
        .route(paths::RECORD_POLICY, put(policies::put_for_record))
        .route(paths::POLICY_INCOMING, get(listings::incoming))
        .route(paths::POLICY_OUTGOING, get(listings::outgoing))
        .route(paths::POLICY_PROXIES, get(listings::proxies))
        .route(paths::POLICY_GRANTED, get(listings::granted))
        .route(paths::SHARE_OUTGOING, post(share_pages::outgoing))
        .route(paths::SHARE_INCOMING, post(share_pages::incoming))
        .route(paths::AUTHORIZER_OUTGOING, post(share_pages::authorizers))
        .route(paths::AUTHORIZER_INCOMING, post(share_pages::authorized_by))
        // Groups
        .route(paths::GROUPS, post(groups::create).get(groups::list))
        .route(paths::GROUPS_BULK, post(groups::many))
        .route(paths::GROUPS_BULK_MEMBERS, post(groups::members::list_many))
        .route(paths::GROUPS_BULK_SHARE, post(groups::shares::list_many))
        .route(paths::GROUPS_ALLOWED_READERS, get(groups::shares::allowed_readers))
        .route(paths::GROUPS_ALLOWED_EDIT, get(groups::shares::allowed_edit))
        .route(paths::GROUPS_OF_CLIENT, get(groups::memberships::by_capability))
        .route(paths::GROUPS_CAPABILITIES, get(groups::memberships::capabilities))
        .route(paths::GROUPS_OWNED, get(groups::memberships::owned))
        .route(paths::GROUP, get(groups::read).put(groups::describe).delete(groups::delete))
        .route(paths::GROUP_MEMBERSHIP_KEY, get(groups::memberships::own_key))
        .route(
            paths::GROUP_MEMBERS,
            get(groups::members::list)
                .post(groups::members::add)
                .put(groups::members::update)
                .delete(groups::members::remove),
        )
        .route(
            paths::GROUP_SHARE,
            get(groups::shares::list).post(groups::shares::share).delete(groups::shares::unshare),
        )
        .route(paths::GROUP_RECORD, put(groups::shares::edit_record))
        // The sealed format
        .route(paths::SEALED_STORE, get(sealed::store::read))
        .route(paths::SEALED_BUNDLES, get(sealed::bundles::chain))
        .route(paths::SEALED_BUNDLE, put(sealed::bundles::put))
        .route(paths::SEALED_BUNDLE_HEADS, post(sealed::bundles::heads))
        .route(paths::SEALED_LOGS, get(sealed::logs::own))
        .route(paths::SEALED_LOG, get(sealed::logs::read).post(sealed::append::append))
        .route(paths::SEALED_LOG_WRAP, get(sealed::logs::wrap))
        .route(paths::SEALED_LOG_LINKS, get(sealed::logs::links))
        .route(paths::SEALED_LOG_CENSUS, get(sealed::censuses::read))
        .route(paths::SEALED_LOG_CENSUS_PAGE, put(sealed::censuses::put_page))
        .route(paths::SEALED_LOG_STAGES, post(sealed::stages::create))
        .route(paths::SEALED_STAGE, get(sealed::stages::read).delete(sealed::stages::delete))
        .route(paths::SEALED_STAGE_WRAPS, put(sealed::stages::put_page))
        .route(paths::SEALED_STAGE_COMMIT, post(sealed::stages::commit))
        .route(paths::SEALED_SHARES, get(sealed::logs::shares))
        .route(paths::SEALED_RECORD, put(sealed::records::write).get(sealed::record_reads::read))
        .route(paths::SEALED_RECORDS, post(sealed::records::write_many).get(sealed::record_reads::list))
        .route(paths::SEALED_RECORDS_READ, post(sealed::record_reads::read_many))
        .route(paths::SEALED_RECORDS_STALE, get(sealed::records::stale))
        .route(paths::SEALED_RECORDS_REWRAPS, post(sealed::records::rewrap))
        // In the protocol, but not here: they need mail, payment or a web page
        .route("/v1/account/challenge/email/reset", any(not_implemented))
        .route("/v1/account/dashboard/{*rest}", any(not_implemented))
        .route("/v1/account/mfa", any(not_implemented))
        .route("/v1/account/mfa/{*rest}", any(not_implemented))
        .route("/v1/account/profile/authenticate", any(not_implemented))
        .route("/v1/account/profile/verified", any(not_implemented))
        .route("/v1/account/reset-mfa", any(not_implemented))
        .route("/v1/billing/{*rest}", any(not_implemented))
        .route("/v2/storage/groups/realm/{realm}", any(not_implemented))
        .route("/v2/storage/flow/groups/{group_id}/folders", any(not_implemented))
        .route("/v2/storage/flow/groups/{group_id}/folders/{*rest}", any(not_implemented))
        .route("/v1/metric/{*rest}", any(not_implemented))
        .route("/v1/storage/records/share", any(not_implemented))
        // Out of scope: identity realms, secure compute
        .route("/auth/realms/{*rest}", any(out_of_scope))
        .route("/v1/identity/{*rest}", any(out_of_scope))
        .route("/v1/secure-compute/{*rest}", any(out_of_scope))
        .route("/v2/storage/realms/{*rest}", any(out_of_scope))
        // This API, for programs
        .route("/openapi.json", get(openapi::document))
        // Health
        .route(paths::HEALTHZ, get(health::healthz))
        .route(paths::READYZ, get(health::readyz))
        .route("/v1/auth/healthcheck", get(health::check))
        .route("/v1/account/healthcheck", get(health::check))
        .route("/v1/account/servicecheck", get(health::check))
        .route("/v2/account/healthcheck", get(health::check))
        .route("/v2/account/servicecheck", get(health::check))
        .route("/v1/client/healthcheck", get(health::check))
        .route("/v1/storage/healthcheck", get(health::check))
        .route("/v1/storage/servicecheck", get(health::check))
        .fallback(|| async { Error::NotFound("no such path") })
        .method_not_allowed_fallback(|| async { Error::MethodNotAllowed })
        .layer(middleware::from_fn_with_state(Arc::clone(&app), memory::count_answers))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), admission::admit))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), rates::limit_strangers))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), cors::allow_origins))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), metrics::observe))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), traces::trace))
        .layer(middleware::from_fn(log::log_request))
        .with_state(app);
    // A layer of a router runs after routing; what changes the path must stand before it.
    Router::new().fallback_service(MapRequestLayer::new(without_trailing_slash).layer(routes))
}

async fn not_implemented() -> Error {
    Error::NotImplemented("this server does not offer this part of the protocol")
}

async fn out_of_scope() -> Error {
    Error::NotImplemented("this server has no identity realms and no secure compute")
}

/// One slash at the end of a path is optional.
fn without_trailing_slash(mut request: Request) -> Request {
    let uri = request.uri();
    let Some(path) = uri.path().strip_suffix('/').filter(|path| !path.is_empty()) else { return request };
    let target = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(target).ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}
