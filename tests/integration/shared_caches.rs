//! D18: a cache that many share between Lumina and its readers (nginx, a CDN). It keeps what is public for a moment, and never
//! what is somebody's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::access::fill;
use crate::support::binary::free_port;
use crate::support::*;

/// nginx with `proxy_cache` in front of a Lumina. It ends when dropped.
struct Cache {
    child: Child,
    base: String,
    _folder: TempDir,
}

impl Cache {
    fn start(app: &TestApp) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let here = folder.path().display();
        let config = format!(
            "daemon off; master_process off; pid {here}/pid; error_log {here}/error.log;
             events {{}}
             http {{
               access_log off;
               client_body_temp_path {here}/body; proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/f;
               uwsgi_temp_path {here}/u; scgi_temp_path {here}/s;
               proxy_cache_path {here}/cache keys_zone=photos:1m;
               server {{
                 listen 127.0.0.1:{port};
                 location / {{
                   proxy_pass {};
                   proxy_set_header Host $http_host;
                   proxy_http_version 1.1;
                   proxy_cache photos;
                   proxy_cache_revalidate on;
                   add_header X-Cache $upstream_cache_status always;
                 }}
               }}
             }}",
            app.base()
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new(nginx());
        command.arg("-c").arg(&file).arg("-p").arg(folder.path()).stderr(Stdio::null());
        let cache = Self { child: command.spawn().unwrap(), base: format!("http://127.0.0.1:{port}"), _folder: folder };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(10), "nginx does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        cache
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Debian keeps it where only root's PATH leads.
fn nginx() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.map(|folder| folder.join("nginx")).find(|program| Path::is_file(program)).expect("nginx: run ./dev test")
}

#[tokio::test]
async fn what_is_taken_back_is_gone_from_a_shared_cache_in_seconds() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let (public, linked) = (alice.upload(jpeg()).await, alice.upload(png()).await);
    let token = alice.share(&public, "public").await.unwrap();
    let link = alice.share(&linked, "link").await.unwrap();
    let cache = Cache::start(&app);
    let (visitor, owner) = (app.visitor().through(&cache.base), alice.through(&cache.base));
    let ask = async |who: &Client, path: &str| {
        let answer = who.get(path).await;
        (answer.status, answer.header("x-cache").to_owned(), answer.header("cache-control").to_owned())
    };
    let links = [format!("/i/{token}.webp"), format!("/s/{token}/small"), format!("/s/{token}/large")];
    for path in &links {
        assert_eq!(ask(&visitor, path).await.1, "MISS", "{path}");
        let (status, state, life) = ask(&visitor, path).await;
        assert_eq!((status, state.as_str()), (200, "HIT"), "{path}");
        assert_eq!(life, "public, max-age=10, must-revalidate");
    }
    // Whatever its visibility, at the address of its owner nothing is kept, and nothing at a link that is no public one.
    let own = ["small", "medium", "large", "original"].map(|what| public.at(what));
    let private = [linked.at("small"), linked.at("original"), format!("/i/{link}"), format!("/s/{link}/small")];
    for path in own.iter().chain(&private).chain([&public.page(), &format!("/s/{token}"), &"/u/alice".to_owned()]) {
        for who in [&owner, &visitor, &owner, &visitor] {
            let (_, state, life) = ask(who, path).await;
            assert!(state == "MISS" && (life.is_empty() || life.starts_with("private")), "{path}: {state} {life}");
        }
    }
    alice.share(&public, "private").await;
    let taken_back = Instant::now();
    for path in own.iter().chain(&private[..2]) {
        assert_ne!(ask(&visitor, path).await.0, 200, "{path}");
    }
    // The lifetime is in the answer: this waits for its end.
    for path in &links {
        while ask(&visitor, path).await.0 == 200 {
            assert!(taken_back.elapsed() < Duration::from_secs(15), "{path} is still shown");
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }
}

/// The only addresses that anyone may keep a copy of: a new one has a reason and a line here.
#[tokio::test]
async fn only_addresses_made_for_everybody_may_be_kept_by_everybody() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload_tagged(jpeg(), "sea").await;
    let token = alice.share(&photo, "public").await.unwrap();
    let mut kept = BTreeSet::new();
    for (method, pattern) in lumina::routes::all() {
        if method.as_str() != "GET" {
            continue;
        }
        for who in [&alice, &app.visitor()] {
            let answer = who.get(&fill(&pattern, &photo, &token, "")).await;
            let caching = answer.header("cache-control");
            assert!(!caching.is_empty(), "{pattern}");
            if caching.contains("public") || caching.contains("s-maxage") {
                kept.insert(pattern.clone());
            }
        }
    }
    let expected = ["/i/{token}", "/s/{token}/{rendition}", "/static/{build}/{path:.*}"];
    assert_eq!(kept.into_iter().collect::<Vec<_>>(), expected);
}
