//! Web pages of other origins; request ids; health; paths.

use tozstore_server::config::{Config, CorsConfig};

use super::fixture::Fixture;

#[tokio::test]
async fn every_page_may_call_unless_the_set_up_says_otherwise() {
    let fixture = Fixture::new().await;
    for path in ["/v1/auth/token", "/v1/storage/clients/x", "/nowhere"] {
        let preflight = fixture.request(http::Method::OPTIONS, path).header("origin", "https://a.example");
        let answer = preflight.header("access-control-request-method", "PATCH").send().await;
        assert_eq!(answer.code(), 204);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        let methods = answer.header("access-control-allow-methods").unwrap();
        assert!(
            ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
                .iter()
                .all(|method| methods.contains(method))
        );
        assert_eq!(
            answer.header("access-control-allow-headers"),
            Some("Authorization, Content-Type, X-Request-Id, *")
        );
    }
    let answer = fixture.get("/nowhere").header("origin", "https://a.example").send().await;
    assert_eq!(answer.code(), 404);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert!(answer.header("access-control-expose-headers").unwrap().contains("X-Backup-Client"));
}

#[tokio::test]
async fn a_list_of_origins_is_kept_to() {
    let cors = CorsConfig { allowed_origins: vec!["https://a.example".to_owned()] };
    let fixture = Fixture::with_config(Config { cors, ..Config::default() }).await;
    let ask = async |origin: &str| fixture.get("/v1/auth/healthcheck").header("origin", origin).send().await;
    let good = ask("https://a.example").await;
    assert_eq!(good.header("access-control-allow-origin"), Some("https://a.example"));
    assert_eq!(good.header("vary"), Some("Origin"));
    assert_eq!(ask("https://b.example").await.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn health_checks_are_public() {
    let fixture = Fixture::new().await;
    for path in [
        "/v1/auth/healthcheck",
        "/v1/storage/servicecheck",
        "/v1/account/servicecheck",
        "/v1/account/healthcheck",
        "/v2/account/servicecheck",
        "/v2/account/healthcheck",
        "/v1/client/healthcheck",
        "/v1/client/healthcheck/",
    ] {
        assert_eq!(fixture.get(path).body("null\n").send().await.code(), 200, "{path}");
    }
}

#[tokio::test]
async fn a_request_keeps_the_id_it_came_with() {
    let fixture = Fixture::new().await;
    let ask = async |id: &str| fixture.get("/v1/auth/healthcheck").header("x-request-id", id).send().await;
    assert_eq!(ask("abc-1.2_3").await.header("x-request-id"), Some("abc-1.2_3"));
    for unfit in ["", "a b", "{\"a\"}", &"a".repeat(65)] {
        assert_eq!(ask(unfit).await.header("x-request-id").unwrap().len(), 36, "{unfit}");
    }
}

#[tokio::test]
async fn paths_and_methods_that_there_are_not_are_told_so() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.get("/").send().await.code(), 404);
    assert_eq!(fixture.get("//").send().await.code(), 404);
    assert_eq!(fixture.get("/v1/auth/token").send().await.code(), 405);
    assert_eq!(fixture.get("/v1/metric/requests").send().await.code(), 501);
    assert_eq!(fixture.post("/v1/billing/coupon").send().await.code(), 501);
}
