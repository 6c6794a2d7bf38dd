//! The admin pages: finding people, disabling and enabling, roles, and that somebody always administers.

use tokio::join;

use crate::support::*;

/// The address of somebody's page, or of what is done there.
fn page_of(app: &TestApp, name: &str, what: &str) -> String {
    let id = app.ask(&format!("SELECT id FROM users WHERE username = '{name}'"));
    format!("/admin/people/{id}{what}")
}

#[tokio::test]
async fn the_pages_are_linked_for_admins_and_absent_for_others() {
    let app = TestApp::start().await;
    let (root, alice) = (app.user("root").await, app.user("alice").await);
    assert!(root.get("/photos").await.html().contains("href=\"/admin/people\""));
    alice.get("/photos").await.assert_silent_about("/admin");
    let look = |answer: Answer, path: &str| {
        let mut names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        (
            answer.status,
            names,
            answer
                .html()
                .replace(answer.header("x-request-id"), "")
                .replace(path, "")
                .replace(&path.replace('/', "%2F"), ""),
        )
    };
    for who in [&alice, &app.visitor()] {
        for path in ["/admin/people", "/admin/people/1", "/admin/registration"] {
            let absent = path.replace("admin", "nimda");
            assert_eq!(look(who.get(path).await, path), look(who.get(&absent).await, &absent), "{path}");
        }
    }
    for path in ["/admin/people/999", "/admin/people/x", "/admin/people/-1", "/admin"] {
        root.get(path).await.assert_status(404);
    }
}

#[tokio::test]
async fn people_are_found_page_by_page() {
    let app = TestApp::start().await;
    let root = app.user("root").await;
    app.execute(
        "INSERT INTO users (username, email, full_name)
         SELECT format('Person_%s', to_char(n, 'FM000')), format('p%s@example.org', n), CASE n WHEN 77 THEN 'Zoë 100% <b>' ELSE '' END
         FROM generate_series(1, 120) n",
    );
    let (mut seen, mut sizes, mut path) = (Vec::new(), Vec::new(), "/admin/people?q=".to_owned());
    loop {
        let page = root.get(&path).await.assert_status(200).assert_says("121 people");
        let names: Vec<_> =
            page.attributes("href").into_iter().filter(|href| href.starts_with("/admin/people/")).collect();
        sizes.push(names.len());
        seen.extend(names);
        match page.html().split_once("class=\"button\" href=\"") {
            Some((_, rest)) => path = rest.split('"').next().unwrap().replace("&#38;", "&"),
            None => break,
        }
    }
    assert_eq!(sizes, [50, 50, 21]);
    let order = app.ask("SELECT string_agg('/admin/people/' || id, ' ' ORDER BY lower(username)) FROM users");
    assert_eq!(seen.join(" "), order);
    for (q, found) in
        [("zoë", 1), ("100%25", 1), ("%25", 1), ("p77@", 1), ("_07", 10), ("nobody", 0), ("%00", 0), ("%27%22%3C", 0)]
    {
        let page = root.get(&format!("/admin/people?q={q}")).await;
        assert!([200, 404].contains(&page.status), "{q}: {page:?}");
        let count = page.attributes("href").iter().filter(|href| href.starts_with("/admin/people/")).count();
        assert_eq!(count, found, "{q}");
    }
    assert!(root.get("/admin/people?q=zo").await.html().contains("Zoë 100% &#60;b&#62;"), "names are text");
    let fragment = root.get_with("/admin/people?q=zo", &[("hx-request", "true")]).await;
    assert!(!fragment.html().contains("<html"));
}

#[tokio::test]
async fn disabling_ends_everything_at_once_and_enabling_brings_the_links_back() {
    let app = TestApp::start().await;
    let (root, alice) = (app.user("root").await, app.user("alice").await);
    let photo = alice.upload_tagged(jpeg(), "sea").await;
    let link = format!("/s/{}", alice.share(&photo, "public").await.unwrap());
    let (other, program) = (app.device_of("alice").await, app.program_of("alice").await);
    let answer = root.post(&page_of(&app, "alice", "/disable"), &[]).await.assert_status(303);
    root.get(answer.location()).await.assert_says("alice is disabled").assert_says("Enable account");
    assert!(!alice.is_signed_in().await && !other.is_signed_in().await && !program.is_in().await);
    program.refresh(&program.refresh).await.assert_status(401);
    alice.log_in("alice", PASSWORD).await.assert_status(422);
    for path in [&link, "/u/alice", &photo.at("small")] {
        app.visitor().get(path).await.assert_status(404);
    }
    assert_eq!(app.ask("SELECT count(*) FROM photos"), "1");
    root.post(&page_of(&app, "alice", "/enable"), &[]).await.assert_status(303);
    assert!(!alice.is_signed_in().await && !program.is_in().await, "what ended does not come back");
    for path in [&link, "/u/alice", &photo.at("small")] {
        app.visitor().get(path).await.assert_status(200);
    }
    alice.log_in("alice", PASSWORD).await.assert_status(303);
    alice.get("/photos").await.assert_photos(&[&photo]);
}

#[tokio::test]
async fn a_role_counts_from_the_next_request_on() {
    let app = TestApp::start().await;
    let (root, alice) = (app.user("root").await, app.user("alice").await);
    alice.get("/admin/people").await.assert_status(404);
    root.post(&page_of(&app, "alice", "/role"), &[("role", "admin")]).await.assert_status(303);
    alice.get("/admin/people").await.assert_status(200);
    alice.post(&page_of(&app, "root", "/role"), &[("role", "user")]).await.assert_status(303);
    root.get("/admin/people").await.assert_status(404);
    alice.post(&page_of(&app, "alice", "/role"), &[("role", "")]).await.assert_status(422);
    // Stepping down, or out, leads where one may still be.
    root.get("/photos").await.assert_status(200);
    alice.post(&page_of(&app, "root", "/role"), &[("role", "admin")]).await.assert_status(303);
    let answer = alice.post(&page_of(&app, "alice", "/role"), &[("role", "user")]).await;
    assert_eq!((answer.status, answer.location()), (303, "/photos"));
}

#[tokio::test]
async fn somebody_always_administers() {
    let app = TestApp::start().await;
    let (root, alice) = (app.user("root").await, app.user("alice").await);
    for (what, form) in [("/disable", [("", "")]), ("/role", [("role", "user")])] {
        let answer = root.post(&page_of(&app, "root", what), &form).await.assert_status(422);
        answer.assert_says("There is no other admin").assert_silent_about("Saved.");
    }
    assert!(root.is_signed_in().await);
    // A disabled admin is none.
    app.execute("UPDATE users SET role = 'admin', active = false WHERE username = 'alice'");
    root.post(&page_of(&app, "root", "/disable"), &[]).await.assert_status(422);
    // Two who turn each other out in the same instant.
    for round in 0..10 {
        app.execute("UPDATE users SET role = 'admin', active = true");
        for (client, name) in [(&root, "root"), (&alice, "alice")] {
            client.log_in(name, PASSWORD).await.assert_status(303);
        }
        let (first, second) = if round % 2 == 0 { ("/disable", "/role") } else { ("/disable", "/disable") };
        let (a, b) = (page_of(&app, "alice", first), page_of(&app, "root", second));
        join!(root.post(&a, &[]), alice.post(&b, &[("role", "user")]));
        let left = app.ask("SELECT count(*) FROM users WHERE role = 'admin' AND active");
        assert_eq!(left, "1", "round {round}");
    }
}
