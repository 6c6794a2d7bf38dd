//! What is measured: read by Prometheus's own parser, named in the dashboard and the alerts, and silent about people.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};

use lumina::config::Secret;
use reqwest::Method;

use crate::support::images::broken_jpeg;
use crate::support::server::Server;
use crate::support::*;

/// The samples of the metrics, by name and labels as they are written.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

async fn metrics(app: &TestApp) -> String {
    let answer = app.visitor().get("/metrics").await.assert_status(200);
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    answer.html()
}

/// An app in which something has happened.
async fn busy() -> TestApp {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload_tagged(jpeg(), "secretplace").await;
    alice.post_upload(Upload::new().file("a.jpg", broken_jpeg())).await.assert_status(422);
    alice.get(&photo.at("small")).await.assert_status(200);
    alice.post(&photo.at("delete"), &[]).await.assert_status(303);
    app.execute("UPDATE removals SET due_at = now() - interval '1 second'");
    app.state().album.sweep().await.unwrap();
    app.visitor().get("/no/such/page?secret=1").await.assert_status(404);
    let odd = app.visitor();
    odd.send(odd.request(Method::from_bytes(b"BREW").unwrap(), "/photos")).await;
    app
}

#[tokio::test]
async fn what_was_done_is_counted() {
    let app = busy().await;
    let found = samples(&metrics(&app).await);
    let at = |name: &str| *found.get(name).unwrap_or_else(|| panic!("{name} is missing in {found:#?}"));
    assert_eq!(at(r#"http_requests_total{route="/photos",method="POST",status="200"}"#), 1.0);
    assert_eq!(at(r#"http_requests_total{route="/photos/{id}/{rendition}",method="GET",status="200"}"#), 1.0);
    assert_eq!(at(r#"http_requests_total{route="none",method="GET",status="404"}"#), 1.0);
    assert!(found.keys().any(|name| name.contains(r#"method="other""#)));
    let count = r#"http_request_duration_seconds_count{route="/photos",method="POST",status="200"}"#;
    assert_eq!(at(count), 1.0);
    assert_eq!(at(r#"lumina_uploads_total{outcome="kept"}"#), 1.0);
    assert_eq!(at(r#"lumina_uploads_total{outcome="refused"}"#), 1.0);
    assert!(at("lumina_upload_bytes_total") > 1000.0);
    assert_eq!(at(r#"lumina_rendition_duration_seconds_count{format="JPEG"}"#), 2.0);
    let puts = at(r#"lumina_storage_requests_total{operation="put",outcome="done"}"#);
    assert!([5.0, 6.0].contains(&puts), "of the start, the photo, and the mark of whose storage it is: {puts}");
    assert!(at(r#"lumina_storage_request_duration_seconds_count{operation="get"}"#) >= 1.0);
    assert_eq!(at("lumina_swept_photos_total"), 1.0);
    assert_eq!((at("lumina_sessions"), at("lumina_database_up"), at("lumina_storage_up")), (1.0, 1.0, 1.0));
    assert_eq!(at("lumina_database_permits_in_use"), 0.0);
    assert!(at("lumina_database_connections") >= 1.0 && at("lumina_bcrypt_permits") >= 1.0);
    assert_eq!(at("lumina_decoder_memory_in_use_bytes"), 0.0);
    if cfg!(target_os = "linux") {
        assert!(at("process_resident_memory_bytes") > 1e6 && at("process_cpu_seconds_total") > 0.0);
        assert!(at("process_open_fds") > 3.0 && at("process_max_fds") > 100.0);
    }
}

#[tokio::test]
async fn nothing_in_it_speaks_of_anybody_or_grows_with_what_is_asked_for() {
    let app = busy().await;
    let before = samples(&metrics(&app).await);
    for number in 0..50 {
        app.visitor().get(&format!("/nothing/{number}")).await.assert_status(404);
        app.visitor().get(&format!("/u/stranger{number}")).await.assert_status(404);
    }
    let after = metrics(&app).await;
    assert!(samples(&after).len() < before.len() + 60, "as many as routes, not as many as addresses");
    for secret in ["alice", "secret", "stranger", "a.jpg", "nothing"] {
        assert!(!after.contains(secret), "{secret} in {after}");
    }
}

#[tokio::test]
async fn prometheus_reads_it() {
    let text = metrics(&busy().await).await;
    let parse = "import sys; from prometheus_client.parser import text_string_to_metric_families as parse\n\
                 families = list(parse(sys.stdin.read()))\n\
                 unknown = [family.name for family in families if family.type == 'unknown' or not family.documentation]\n\
                 names = [family.name for family in families]\n\
                 assert not unknown, unknown\n\
                 assert len(names) == len(set(names)) and len(names) > 25, names";
    let python = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("python/bin/python");
    let mut child =
        Command::new(python).args(["-c", parse]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
}

/// Words in a text that look like one of our metrics.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = |word: &&str| ["http_", "lumina_", "process_"].iter().any(|start| word.starts_with(start));
    words.filter(ours).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_dashboard_and_the_alerts_speak_of_metrics_there_are() {
    let text = metrics(&busy().await).await;
    let known: BTreeSet<String> =
        samples(&text).into_keys().map(|name| name.split('{').next().unwrap().to_owned()).collect();
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let dashboard = std::fs::read_to_string(docs.join("grafana-dashboard.json")).unwrap();
    let alerts = std::fs::read_to_string(docs.join("prometheus-alerts.yaml")).unwrap();
    let parsed: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    assert!(parsed["panels"].as_array().unwrap().len() > 10);
    assert_eq!(alerts.matches("- alert: ").count(), 7);
    for (file, text) in [("dashboard", dashboard), ("alerts", alerts)] {
        let unknown: Vec<_> = named(&text).difference(&known).cloned().collect();
        assert!(unknown.is_empty(), "the {file} names {unknown:?}; there are {known:#?}");
    }
}

#[tokio::test]
async fn with_a_token_it_is_for_those_who_have_it() {
    let token = "a token of 32 bytes or a few more";
    let app = TestApp::start_with(|config| config.metrics_token = Some(Secret::new(token))).await;
    let ask = async |header: &str| app.visitor().get_with("/metrics", &[("authorization", header)]).await;
    let refused = app.visitor().get("/metrics").await.assert_status(401);
    assert!(refused.header("www-authenticate").starts_with("Bearer"), "{refused:?}");
    app.user("alice").await;
    let program = app.program_of("alice").await;
    for wrong in ["Bearer x", "Bearer ", "Basic eDp5", &format!("Bearer {}", program.access)] {
        ask(wrong).await.assert_status(401).assert_silent_about("http_requests");
    }
    ask(&format!("Bearer {token}")).await.assert_status(200).assert_says("http_requests_total");
}

#[tokio::test]
async fn it_answers_while_the_database_is_away() {
    let folder = cluster::scratch();
    let mut server = Server::start(folder.path());
    let app = TestApp::start_on(Database::create_on(&server.url("postgres")), |_| {}).await;
    app.user("alice").await;
    assert!(metrics(&app).await.contains("lumina_database_up 1\n"));
    server.stop_at_once();
    let text = metrics(&app).await;
    assert!(text.contains("lumina_database_up 0\n"), "{text}");
    assert!(text.contains("lumina_sessions 1\n"), "the last that was known: {text}");
    server.start_again();
}
