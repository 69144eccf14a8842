//! Logging in: challenges, their answers, and what strangers can learn.

use serde_json::{Value, json};
use tozstore_crypto::{SigningKeyPair, decode_base64url};

use super::fixture::{Answer, Fixture, text};

async fn challenge(fixture: &Fixture, email: &str) -> Value {
    let answer = fixture.post("/v1/account/challenge").json(json!({ "email": email })).send().await;
    assert_eq!(answer.code(), 200);
    answer.json()
}

async fn answer(
    fixture: &Fixture,
    email: &str,
    challenge: &Value,
    key: &SigningKeyPair,
    keyid: &str,
) -> Answer {
    let challenge = text(challenge);
    let response = key.sign(&decode_base64url(&challenge).unwrap()).to_string();
    let body = json!({ "email": email, "challenge": challenge, "response": response, "keyid": keyid });
    fixture.post("/v1/account/auth").json(body).send().await
}

impl Fixture {
    /// The status of a login with a wrong key.
    pub(super) async fn failed_login(&self) -> u16 {
        let email = &self.account.email;
        let asked = challenge(self, email).await;
        answer(self, email, &asked["challenge"], &SigningKeyPair::generate(), "password").await.code()
    }
}

#[tokio::test]
async fn both_keys_log_in_in_any_spelling_of_the_address() {
    let fixture = Fixture::new().await;
    let account = &fixture.account;
    for (keyid, key) in [("password", &account.login_key), ("paper", &account.paper_key)] {
        for email in ["Queen@example.com", "queen@example.com", "QUEEN@EXAMPLE.COM"] {
            let asked = challenge(&fixture, email).await;
            assert_eq!(asked["auth_salt"], "c2FsdHNhbHRzYWx0c2FsdA");
            let answer = answer(&fixture, email, &asked["challenge"], key, keyid).await;
            assert_eq!(answer.code(), 200, "{keyid} {email}");
            let session = answer.json();
            assert_eq!(session["profile"]["id"], account.id);
            assert_eq!(session["profile"]["email"], "Queen@example.com");
            assert_eq!(session["account"]["client"]["client_id"], account.queen.id.to_string());
            assert!(session["account"]["client"].get("api_secret").is_none());
            let tokens = fixture.get("/v1/account/tokens").bearer(text(&session["token"])).send().await;
            assert_eq!(tokens.code(), 200);
        }
    }
}

#[tokio::test]
async fn a_challenge_is_answered_once_and_in_time() {
    let fixture = Fixture::new().await;
    let (email, key) = (&fixture.account.email, &fixture.account.login_key);
    let asked = challenge(&fixture, email).await;
    assert_eq!(answer(&fixture, email, &asked["challenge"], key, "password").await.code(), 200);
    assert_eq!(answer(&fixture, email, &asked["challenge"], key, "password").await.code(), 401);
    let late = challenge(&fixture, email).await;
    fixture.advance_seconds(300);
    assert_eq!(answer(&fixture, email, &late["challenge"], key, "password").await.code(), 401);
    // Those that lapsed are forgotten, and stay dead.
    tozstore_server::jobs::round(&fixture.app).await.unwrap();
    assert_eq!(answer(&fixture, email, &asked["challenge"], key, "password").await.code(), 401);
}

#[tokio::test]
async fn bad_answers_are_refused_alike() {
    let fixture = Fixture::new().await;
    let account = &fixture.account;
    let other = fixture.other_account("other@example.com").await;
    let asked = challenge(&fixture, &account.email).await["challenge"].clone();
    let mut bodies = Vec::new();
    for (email, challenge, key, keyid) in [
        (&account.email, &asked, &other.login_key, "password"),
        (&account.email, &asked, &account.login_key, "paper"),
        (&account.email, &asked, &account.paper_key, "password"),
        (&other.email, &asked, &other.login_key, "password"),
        (&"nobody@example.com".to_owned(), &asked, &account.login_key, "password"),
        (&account.email, &json!("AAAA"), &account.login_key, "password"),
        (&account.email, &json!(""), &account.login_key, "password"),
    ] {
        let answer = answer(&fixture, email, challenge, key, keyid).await;
        assert_eq!(answer.code(), 401, "{email} {keyid}");
        bodies.push(answer.told());
    }
    let body =
        json!({ "email": account.email, "challenge": asked, "response": "rubbish", "keyid": "password" });
    bodies.push(fixture.post("/v1/account/auth").json(body).send().await.told());
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
    assert_eq!(answer(&fixture, &account.email, &asked, &account.login_key, "finger").await.code(), 400);
    // None of that used the challenge up.
    assert_eq!(answer(&fixture, &account.email, &asked, &account.login_key, "password").await.code(), 200);
}

#[tokio::test]
async fn an_address_without_account_looks_like_one_with() {
    let fixture = Fixture::new().await;
    let known = challenge(&fixture, &fixture.account.email).await;
    let unknown = challenge(&fixture, "nobody@example.com").await;
    let again = challenge(&fixture, "Nobody@example.com").await;
    let shape = |value: &Value| -> Vec<(String, usize)> {
        value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value).len())).collect()
    };
    assert_eq!(shape(&known), shape(&unknown));
    assert_eq!(unknown["auth_salt"], again["auth_salt"]);
    assert_ne!(unknown["auth_salt"], unknown["paper_auth_salt"]);
    assert_ne!(unknown["challenge"], again["challenge"]);
    let fixture = fixture.restart().await;
    assert_eq!(challenge(&fixture, "nobody@example.com").await["auth_salt"], unknown["auth_salt"]);
}

#[tokio::test]
async fn an_account_token_lives_for_two_hours() {
    let fixture = Fixture::new().await;
    let list = async || fixture.get("/v1/account/tokens").bearer(&fixture.account.token).send().await.code();
    fixture.advance_seconds(7199);
    assert_eq!(list().await, 200);
    fixture.advance_seconds(1);
    assert_eq!(list().await, 401);
}

#[tokio::test]
async fn validating_tells_whose_account_token_it_is() {
    let fixture = Fixture::new().await;
    let ask = async |token: &str| {
        let call = fixture.post("/v1/account/auth/validate").bearer(&fixture.account.queen.token);
        call.json(json!({ "token": token })).send().await
    };
    let good = ask(&fixture.account.token).await;
    assert_eq!(good.json(), json!({ "account_id": fixture.account.id, "valid": true }));
    assert_eq!(ask(&fixture.account.queen.token).await.code(), 401);
}

#[tokio::test]
async fn passwords_cannot_be_guessed_by_trying() {
    let fixture = Fixture::new().await;
    let (email, paper_key) = (&fixture.account.email, &fixture.account.paper_key);
    let wrong = SigningKeyPair::generate();
    let mut refusals = Vec::new();
    for email in [email.as_str(), "nobody@example.com"] {
        for attempt in 0..11 {
            let asked = challenge(&fixture, email).await;
            let answer = answer(&fixture, email, &asked["challenge"], &wrong, "password").await;
            assert_eq!(answer.code(), if attempt < 10 { 401 } else { 429 }, "{email} {attempt}");
            if attempt == 10 {
                refusals.push((text(&json!(answer.header("retry-after"))), answer.told()));
            }
        }
    }
    assert_eq!(refusals[0], refusals[1]);
    let asked = challenge(&fixture, email).await;
    let right = &fixture.account.login_key;
    assert_eq!(answer(&fixture, email, &asked["challenge"], right, "password").await.code(), 429);
    assert_eq!(answer(&fixture, email, &asked["challenge"], paper_key, "paper").await.code(), 200);
    fixture.advance_seconds(1);
    let asked = challenge(&fixture, email).await;
    assert_eq!(answer(&fixture, email, &asked["challenge"], right, "password").await.code(), 200);
    let asked = challenge(&fixture, email).await;
    assert_eq!(answer(&fixture, email, &asked["challenge"], &wrong, "password").await.code(), 401);
}
