//! Every page × {plain, htmx}, and what holds for all of them.

use std::collections::{BTreeSet, VecDeque};

use crate::support::*;

/// The pages of somebody with photos: path, and whether a script can ask for a part of it.
async fn pages(alice: &Client) -> Vec<(String, bool)> {
    let photo = alice.upload_tagged(jpeg(), "sea crete").await;
    alice.upload_tagged(png(), "sea").await;
    let token = alice.share(&photo, "public").await.unwrap();
    let fixed =
        [("/photos", true), ("/photos?hashtag=sea", true), ("/photos?hashtag=nothing", true), ("/hashtags", true)];
    let more = [("/hashtags?q=s", true), ("/account", false), ("/u/alice", true), ("/u/alice?hashtag=nothing", true)];
    let own = [(photo.page(), true), (format!("{}?hashtag=sea", photo.page()), true), (format!("/s/{token}"), false)];
    let fixed = fixed.into_iter().chain(more).map(|(path, fragment)| (path.to_owned(), fragment));
    fixed.chain(own).collect()
}

#[tokio::test]
async fn a_person_gets_the_page_and_a_script_its_part() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (path, has_fragment) in pages(&alice).await {
        let page = alice.get(&path).await.assert_status(200);
        assert_eq!(page.html().matches("<html").count(), 1, "{path}");
        assert!(page.html().contains("<title>") && page.html().contains("<h1"), "{path}");
        assert!(page.header("content-type").starts_with("text/html"), "{path}");
        let vary = page.header("vary").to_lowercase();
        assert!(vary.contains("hx-request"), "{path}: {vary}");
        let part = alice.get_with(&path, &[("hx-request", "true")]).await.assert_status(200);
        assert_eq!(!part.html().contains("<html"), has_fragment, "{path}");
        assert!(part.header("vary").to_lowercase().contains("hx-request"), "{path}");
        let restored = [("hx-request", "true"), ("hx-history-restore-request", "true")];
        assert!(alice.get_with(&path, &restored).await.html().contains("<html"), "{path}: history needs it whole");
    }
}

#[tokio::test]
async fn no_page_has_inline_scripts_or_styles() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut paths: Vec<_> = pages(&alice).await.into_iter().map(|(path, _)| path).collect();
    paths.push("/nothing".to_owned());
    let visitor = app.visitor();
    let mut answers = vec![visitor.get("/").await, visitor.get("/login").await, visitor.get("/register").await];
    for path in &paths {
        answers.push(alice.get(path).await);
    }
    for answer in answers {
        let html = answer.html();
        assert!(!html.contains("<style") && answer.attributes("style").is_empty(), "{html}");
        assert!(html.split("<script").skip(1).all(|tag| tag.split('>').next().unwrap().contains(" src=")), "{html}");
        for event in ["onclick", "onload", "onerror", "onsubmit", "onchange", "onfocus"] {
            assert!(answer.attributes(event).is_empty(), "{event}");
        }
        for name in ["href", "src", "action"] {
            for url in answer.attributes(name) {
                assert!(
                    url.starts_with(['/', '#']) || url.starts_with(&app.origin()),
                    "{name}=\"{url}\" leaves the origin"
                );
            }
        }
    }
}

#[tokio::test]
async fn no_link_leads_to_nothing() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut waiting: VecDeque<_> = pages(&alice).await.into_iter().map(|(path, _)| path).collect();
    let mut seen = BTreeSet::new();
    while let Some(path) = waiting.pop_front() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let answer = alice.get(&path).await;
        assert!([200, 303].contains(&answer.status), "{path}: {answer:?}");
        if answer.header("content-type").starts_with("text/html") {
            let links = ["href", "src", "hx-get", "data-image", "data-hashtags-url"];
            let links = links.into_iter().flat_map(|name| answer.attributes(name));
            let links = links.map(|link| link.trim_start_matches(&app.origin()).split('#').next().unwrap().to_owned());
            waiting.extend(links.filter(|link| link.starts_with('/')));
        }
    }
    assert!(seen.iter().any(|path| path.ends_with("app.css")) && seen.len() > 40, "{seen:?}");
}

#[tokio::test]
async fn static_files_are_kept_for_ever_and_sent_small() {
    let app = TestApp::start().await;
    let visitor = app.visitor();
    let page = visitor.get("/").await;
    let files = page.attributes("href").into_iter().chain(page.attributes("src"));
    let files: Vec<_> = files.filter(|path| path.starts_with("/static/")).collect();
    assert!(files.len() >= 3);
    for path in files {
        let plain = visitor.get(&path).await.assert_status(200);
        assert_eq!(plain.header("cache-control"), "public, max-age=31536000, immutable", "{path}");
        assert!(!plain.bytes.is_empty() && plain.header("content-encoding").is_empty());
        let small = visitor.get_with(&path, &[("accept-encoding", "gzip")]).await.assert_status(200);
        assert_eq!(small.header("content-encoding"), "gzip", "{path}");
        assert!(small.header("vary").to_lowercase().contains("accept-encoding"));
        let name = path.split('/').skip(3).collect::<Vec<_>>().join("/");
        let older = visitor.get(&format!("/static/older/{name}")).await.assert_status(200);
        assert_eq!(older.header("cache-control"), "public, no-cache", "another build's page gets today's file");
    }
    let page = visitor.get_with("/", &[("accept-encoding", "gzip")]).await;
    assert_eq!(page.header("content-encoding"), "gzip", "pages too");
}

#[tokio::test]
async fn the_theme_is_kept_for_visitors_too() {
    let app = TestApp::start().await;
    let visitor = app.visitor();
    assert!(visitor.get("/").await.html().contains("data-theme=\"system\""));
    for (chosen, shown) in [("dark", "dark"), ("light", "light"), ("\"><script>", "system"), ("system", "system")] {
        let answer = visitor.post("/account/theme", &[("theme", chosen), ("next", "/login")]).await.assert_status(303);
        assert_eq!(answer.location(), "/login");
        visitor.get("/").await.assert_says(&format!("data-theme=\"{shown}\""));
    }
    visitor.post_by_script("/account/theme", &[("theme", "dark")]).await.assert_status(204);
    assert!(visitor.get("/").await.html().contains("data-theme=\"dark\""));
    visitor.set_cookie("theme", "x\"onload=\"alert(1)");
    assert!(visitor.get("/").await.html().contains("data-theme=\"system\""));
}

#[tokio::test]
async fn a_slash_too_many_leads_to_the_page() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload_tagged(jpeg(), "sea").await;
    let token = alice.share(&photo, "public").await.unwrap();
    let (page, shared) = (photo.page(), format!("/s/{token}"));
    let bytes = format!("/i/{token}.webp");
    let known =
        ["/photos", "/login", "/register", "/hashtags", "/account", "/admin/people", "/docs", "/u/alice", "/health"];
    for path in known.into_iter().chain([page.as_str(), &shared, &bytes]) {
        for client in [&alice, &app.visitor()] {
            for (slashes, query) in [("/", ""), ("//", "?hashtag=sea&after=")] {
                let answer = client.get(&format!("{path}{slashes}{query}")).await.assert_status(308);
                assert_eq!(answer.location(), format!("{path}{query}"));
            }
        }
    }
    // What is sent stays what is sent: a form is asked for again at the right address, and nothing was done.
    let answer = alice.post(&format!("{page}/"), &[("title", "Ferry")]).await.assert_status(308);
    assert_eq!((answer.location(), app.ask("SELECT title FROM photos")), (page.as_str(), String::new()));
    alice.post(answer.location(), &[("title", "Ferry")]).await.assert_status(303);
    let elsewhere =
        ["//evil.example/", "///evil.example//", "/\\evil.example/", "/nothing/", "//", "/s/", "/i/", "/photos//x/"];
    for path in elsewhere {
        let answer = alice.get(path).await;
        assert!([400, 404].contains(&answer.status), "{path}: {answer:?}");
    }
}
