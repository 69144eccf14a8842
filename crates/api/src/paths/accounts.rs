//! Paths of accounts, registration, tokens, clients and hooks.

use tozstore_crypto::{AccountId, ClientId};

use super::{fill, segment};

/// Get an access token (POST).
pub const ACCESS_TOKEN: &str = "/v1/auth/token";
/// Ask whose access token one is (POST).
pub const ACCESS_TOKEN_VALIDATE: &str = "/v1/auth/validate";
/// Create an account (POST); change it (PATCH).
pub const ACCOUNT_PROFILE: &str = "/v1/account/profile";
/// Read or replace what the clients of an account keep with its profile.
pub const ACCOUNT_PROFILE_META: &str = "/v1/account/profile/meta";
/// Ask for a login challenge (POST).
pub const ACCOUNT_CHALLENGE: &str = "/v1/account/challenge";
/// Answer it (POST).
pub const ACCOUNT_LOGIN: &str = "/v1/account/auth";
/// Ask whose account token one is (POST).
pub const ACCOUNT_TOKEN_VALIDATE: &str = "/v1/account/auth/validate";
/// Put a new client in the place of the one that administers the account (POST).
pub const ACCOUNT_QUEEN: &str = "/v1/account/e3db/clients/queen";
/// Delete an account.
pub const ACCOUNT: &str = "/v2/account/{account_id}";
/// Create (POST) or list (GET) registration tokens.
pub const REGISTRATION_TOKENS: &str = "/v1/account/tokens";
/// Delete a registration token.
pub const REGISTRATION_TOKEN: &str = "/v1/account/tokens/{token}";
/// Register a client (POST).
pub const REGISTER: &str = "/v1/account/e3db/clients/register";
/// Say that a client's credentials are backed up (POST).
pub const BACKUP: &str = "/v1/account/backup/{token}/{client_id}";
/// Read what every client may know of another.
pub const CLIENT_INFO: &str = "/v1/storage/clients/{client_id}";
/// Read the public keys of many clients (POST).
pub const CLIENTS_PUBLIC: &str = "/v1/client/public";
/// Read the public keys of a client.
pub const CLIENT_PUBLIC: &str = "/v1/client/{client_id}/public";
/// Read one's own entry.
pub const CLIENT: &str = "/v1/client/{client_id}";
/// Add a signing key to a client that has none (PATCH).
pub const CLIENT_KEYS: &str = "/v1/client/{client_id}/keys";
/// List the clients of an account, by page: `next` and `limit` in the query.
pub const ADMIN_CLIENTS: &str = "/v1/client/admin";
/// Read or delete a client of the account.
pub const ADMIN_CLIENT: &str = "/v1/client/admin/{client_id}";
/// Enable or disable a client of the account (PATCH).
pub const ADMIN_CLIENT_ENABLE: &str = "/v1/client/admin/{client_id}/enable";
/// Create (POST) or list (GET) hooks.
pub const HOOKS: &str = "/v1/hook";
/// Delete a hook.
pub const HOOK: &str = "/v1/hook/{webhook_id}";

/// Path of [`ACCOUNT`].
pub fn account(id: AccountId) -> String {
    fill(ACCOUNT, &[&id])
}

/// Path of [`REGISTRATION_TOKEN`].
pub fn registration_token(token: &str) -> String {
    fill(REGISTRATION_TOKEN, &[&token])
}

/// Path of [`BACKUP`].
pub fn backup(token: &str, client: ClientId) -> String {
    fill(BACKUP, &[&token, &client])
}

/// Path of [`CLIENT_INFO`], [`CLIENT`], [`CLIENT_KEYS`], [`CLIENT_PUBLIC`], [`ADMIN_CLIENT`] or
/// [`ADMIN_CLIENT_ENABLE`].
pub fn of_client(pattern: &str, id: ClientId) -> String {
    fill(pattern, &[&id])
}

/// Path of [`ADMIN_CLIENTS`] for the page that begins at `next`.
pub fn admin_clients(next: u64, limit: usize) -> String {
    format!("{ADMIN_CLIENTS}?limit={}&next={}", segment(&limit.to_string()), segment(&next.to_string()))
}

/// Path of [`HOOK`].
pub fn hook(id: u64) -> String {
    fill(HOOK, &[&id])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_protocol() {
        let id: ClientId = "a1111111-1111-4111-8111-111111111111".parse().unwrap();
        assert_eq!(of_client(ADMIN_CLIENT_ENABLE, id), format!("/v1/client/admin/{id}/enable"));
        assert_eq!(of_client(CLIENT_INFO, id), format!("/v1/storage/clients/{id}"));
        assert_eq!(backup("a/b", id), format!("/v1/account/backup/a%2Fb/{id}"));
        assert_eq!(registration_token("a b"), "/v1/account/tokens/a%20b");
        assert_eq!(admin_clients(7, 50), "/v1/client/admin?limit=50&next=7");
        assert_eq!(hook(12), "/v1/hook/12");
    }
}
