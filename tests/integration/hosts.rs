//! At which address Lumina was asked for: names of others are refused (DNS rebinding), and words say which address to use.

use reqwest::Method;
use serde_json::json;

use crate::access::fill;
use crate::support::*;

const PUBLIC: &str = "https://photos.example";

/// What a page of a stranger can do once its own name has our address: the browser takes us for its own site.
#[tokio::test]
async fn a_page_whose_name_was_given_our_address_gets_nothing() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload(jpeg()).await;
    let port = app.base().rsplit(':').next().unwrap();
    let rebound = format!("evil.example:{port}");
    let origin = format!("http://{rebound}");
    for (method, pattern) in lumina::routes::all() {
        if ["/health", "/metrics", "/static/{build}/{path:.*}"].contains(&pattern.as_str()) {
            continue;
        }
        let path = fill(&pattern, &photo, "token", "session");
        let method: Method = method.as_str().parse().unwrap();
        let request = alice.request(method.clone(), &path).header("host", &rebound).header("origin", &origin);
        let answer = alice.send(request).await;
        assert_eq!(answer.status, 421, "{method} {path}: {answer:?}");
        answer.assert_says(&app.origin()).assert_says(&rebound);
    }
    let new = json!({ "username": "mallory", "email": "m@example.org", "password": PASSWORD });
    let visitor = app.visitor();
    let request = visitor.request(Method::POST, "/api/v1/auth/register").header("host", &rebound);
    let request = request.header("origin", &origin).header("content-type", "application/json").body(new.to_string());
    let answer = visitor.send(request).await.assert_status(421);
    assert_eq!(answer.json()["type"], "urn:lumina:problem:other-host");
    assert_eq!(app.ask("SELECT count(*) FROM users"), "1");
}

#[tokio::test]
async fn our_own_name_this_machine_and_bare_addresses_are_served() {
    let app = TestApp::start_at(PUBLIC).await;
    let visitor = app.visitor();
    for host in
        ["photos.example", "photos.example:443", "Photos.Example.", "localhost:8080", "192.168.1.5", "[fd00::1]:80"]
    {
        visitor.get_with("/login", &[("host", host)]).await.assert_status(200);
    }
    for host in ["nas", "nas.local:8080", "photos.example.evil.example", "x"] {
        let answer = visitor.get_with("/login", &[("host", host)]).await.assert_status(421);
        answer.assert_says("Lumina is at https://photos.example").assert_says(host).assert_says("set public_url");
    }
    // Whatever watches over it knows it by a name of its own.
    for path in ["/health", "/metrics"] {
        visitor.get_with(path, &[("host", "lumina:8080")]).await.assert_status(200);
    }
}

/// Browsers drop Secure cookies of http: without a word the login led back to the login, for ever.
#[tokio::test]
async fn who_logs_in_by_http_where_it_takes_https_is_told_the_address() {
    let app = TestApp::start_at(PUBLIC).await;
    app.user("alice").await;
    let visitor = app.visitor();
    let form = [("username", "alice"), ("password", PASSWORD), ("next", "/hashtags")];
    for (path, address) in [
        ("/login", "https://photos.example/login?next=/hashtags"),
        ("/register", "https://photos.example/register?next=/hashtags"),
    ] {
        let page = visitor.get_with(&format!("{path}?next=/hashtags"), &[("host", "192.168.1.5:8080")]).await;
        page.assert_status(200).assert_says("keeps no login from here").assert_says(address);
        let page = visitor.get_with(path, &[("host", "photos.example")]).await;
        page.assert_status(200).assert_silent_about("keeps no login");
        for origin in ["http://192.168.1.5:8080", "http://photos.example"] {
            let host = origin.strip_prefix("http://").unwrap();
            let request = visitor.request(Method::POST, path).header("origin", origin).header("host", host).form(&form);
            let answer = visitor.send(request).await.assert_status(422);
            answer.assert_says("keeps no login from here").assert_says(address);
        }
    }
    assert!(!visitor.is_signed_in().await);
    visitor.post("/login", &form).await.assert_status(303);
    // Without https every address will do.
    let plain = TestApp::start().await;
    plain.visitor().get_with("/login", &[("host", "192.168.1.5")]).await.assert_silent_about("keeps no login");
}

#[tokio::test]
async fn a_form_from_elsewhere_is_told_what_was_expected_and_seen() {
    let app = TestApp::start_at(PUBLIC).await;
    let alice = app.user("alice").await;
    let told = async |headers: &[(&str, &str)]| {
        let request = alice.request(Method::POST, "/account/theme");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        alice
            .send(request.form(&[("theme", "dark")]))
            .await
            .assert_status(403)
            .assert_says("own pages at https://photos.example")
    };
    told(&[("origin", "http://photos.example:8080")]).await.assert_says("sent from http://photos.example:8080.");
    told(&[("origin", "null")]).await.assert_says("hides which page");
    told(&[("sec-fetch-site", "cross-site")]).await.assert_says("from another site");
    told(&[]).await.assert_says("does not say which page");
}
