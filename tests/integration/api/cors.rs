//! Scripts of other sites.

use lumina::config::PublicUrl;
use reqwest::Method;
use serde_json::json;

use crate::support::*;

const SITE: &str = "https://app.example";

fn preflight(client: &Client, path: &str, origin: &str) -> reqwest::RequestBuilder {
    client
        .request(Method::OPTIONS, path)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type")
}

#[tokio::test]
async fn a_configured_site_may_use_the_api_and_no_other() {
    let app = TestApp::start_with(|config| config.cors_origins = vec![PublicUrl::parse(SITE).unwrap()]).await;
    let alice = app.user("alice").await;
    let visitor = app.visitor();
    let answer = visitor.send(preflight(&visitor, "/api/v1/photos/", SITE)).await.assert_status(204);
    assert_eq!(answer.header("access-control-allow-origin"), SITE);
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    assert!(answer.header("access-control-allow-headers").contains("authorization"));
    assert!(answer.header("access-control-allow-methods").contains("PATCH"));
    // With a cookie, as `SameSite` lets sites under the same domain have it; and errors can be read too.
    let request = alice.request(Method::POST, "/api/v1/hashtags/").header("origin", SITE);
    let request = request.header("sec-fetch-site", "same-site").header("content-type", "application/json");
    let answer = alice.send(request.body(json!({ "name": "sea" }).to_string())).await.assert_status(201);
    assert_eq!(answer.header("access-control-allow-origin"), SITE);
    assert!(
        answer.header("vary").to_lowercase().contains("origin") || answer.headers.get_all("vary").iter().count() > 1
    );
    let answer = visitor.get_with("/api/v1/auth/me", &[("origin", SITE)]).await.assert_status(401);
    assert_eq!(answer.header("access-control-allow-origin"), SITE);

    for (path, origin) in [
        ("/api/v1/photos/", "https://evil.example"),
        ("/api/v1/photos/", "null"),
        ("/api/v1/photos/", "https://app.example.evil.example"),
        ("/api/v1/photos/", "http://app.example"),
        ("/photos", SITE),
        ("/login", SITE),
    ] {
        let answer = visitor.send(preflight(&visitor, path, origin)).await;
        assert!(answer.status >= 400 && answer.header("access-control-allow-origin").is_empty(), "{path} {answer:?}");
    }
    let forged = alice.request(Method::POST, "/account/theme").header("origin", SITE).form(&[("theme", "dark")]);
    alice.send(forged).await.assert_status(403);
}

#[tokio::test]
async fn without_configuration_no_site_may() {
    let app = TestApp::start().await;
    let visitor = app.visitor();
    let answer = visitor.send(preflight(&visitor, "/api/v1/photos/", SITE)).await;
    assert!(answer.status >= 400 && answer.header("access-control-allow-origin").is_empty(), "{answer:?}");
    let answer = visitor.get_with("/api/v1/hashtags/", &[("origin", SITE)]).await.assert_status(200);
    assert!(answer.header("access-control-allow-origin").is_empty());
}
