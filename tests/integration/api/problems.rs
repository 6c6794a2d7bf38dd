//! Errors as programs get them, whatever they accept; and a database that is away.

use reqwest::Method;

use crate::support::server::Server;
use crate::support::*;

#[tokio::test]
async fn every_error_is_a_problem_whatever_is_accepted() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    for (method, path, status, kind) in [
        (Method::GET, "/api", 404, "not-found"),
        (Method::GET, "/api/v1/nothing", 404, "not-found"),
        (Method::GET, "/api/v1/photos/x", 404, "not-found"),
        (Method::GET, "/api/v1/photos/01a1fc12-baf3-76fe-baec-ddb41e978b19/", 404, "not-found"),
        (Method::PUT, "/api/v1/photos", 405, "method-not-allowed"),
        (Method::POST, "/api/v1/auth/register", 415, "unsupported"),
        (Method::GET, "/api/v1/photos?after=x", 400, "bad-request"),
        (Method::GET, "/api/v1/photos?limit=x", 422, "invalid"),
    ] {
        for accept in ["text/html", "*/*", "application/json", "image/png"] {
            let answer = alice.send(alice.request(method.clone(), path).header("accept", accept)).await;
            let answer = answer.assert_status(status);
            assert_eq!(answer.header("content-type"), "application/problem+json");
            let problem = answer.json();
            assert_eq!(problem["type"], format!("urn:lumina:problem:{kind}"), "{path}");
            assert_eq!(problem["status"], status);
            assert_eq!(problem["request_id"], answer.header("x-request-id"));
            assert!(problem["title"].is_string() && problem["detail"].is_string());
        }
    }
    let nobody = app.visitor().get_with("/api/v1/photos", &[("hx-request", "true")]).await.assert_status(401);
    assert_eq!(nobody.json()["type"], "urn:lumina:problem:login-required");
    assert!(nobody.header("www-authenticate").starts_with("Bearer"));
    for body in ["{", "[]", "\"x\"", "{\"name\": \"a\", \"name\": \"b\"}", "nul"] {
        let request = alice.request(Method::POST, "/api/v1/hashtags").header("content-type", "application/json");
        let answer = alice.send(request.body(body)).await;
        assert!([400, 422].contains(&answer.status), "{body}: {answer:?}");
    }
}

#[tokio::test]
async fn a_database_that_is_away_is_503_and_never_a_log_out() {
    let folder = cluster::scratch();
    let mut server = Server::start(folder.path());
    let app = TestApp::start_on(Database::create_on(&server.url("postgres")), |_| {}).await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    server.stop_at_once();
    for path in ["/api/v1/auth/me", "/api/v1/photos/", "/api/v1/hashtags/"] {
        let answer = alice.get(path).await.assert_status(503);
        assert_eq!(answer.json()["type"], "urn:lumina:problem:unavailable");
        assert!(!answer.header("retry-after").is_empty());
    }
    alice.refresh(&alice.refresh).await.assert_status(503);
    server.start_again();
    for _ in 0..100 {
        if alice.get("/api/v1/auth/me").await.status == 200 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(alice.is_in().await);
    alice.refreshed().await;
}
