//! A form that was drawn some time ago changes what was changed in it and nothing else: an old tab, another device or a
//! program never bring an old visibility, title, hashtag, name, role or setting back.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::support::*;

/// The fields of a page's form as a browser would send them, with some of them changed.
struct Filled(Vec<(String, String)>);

impl Filled {
    /// The form on this page that posts to `action`.
    fn of(page: &Answer, action: &str) -> Self {
        Self(page.form(action))
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        let field = self.0.iter_mut().find(|(known, _)| known == name);
        field.unwrap_or_else(|| panic!("no field {name}")).1 = value.to_owned();
        self
    }

    async fn post(&self, client: &Client, action: &str) -> Answer {
        let fields: Vec<_> = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        client.post(action, &fields).await
    }
}

fn photo_row(app: &TestApp) -> String {
    app.ask(
        "SELECT title || '|' || visibility || '|' || coalesce((SELECT string_agg(name, ' ' ORDER BY name) FROM photo_hashtags
         JOIN hashtags ON hashtags.id = hashtag_id WHERE photo_id = photos.id), '') FROM photos",
    )
}

#[tokio::test]
async fn a_title_from_an_old_page_does_not_publish_a_photo_again() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload_tagged(jpeg(), "sea").await;
    let token = alice.share(&photo, "public").await.unwrap();
    let old_page = alice.get(&photo.page()).await;
    alice.post(&photo.page(), &[("visibility", "private"), ("hashtags", "#sea #secret")]).await.assert_status(303);
    let form = Filled::of(&old_page, &photo.page()).with("title", "Ferry");
    form.post(&alice, &photo.page()).await.assert_status(303);
    assert_eq!(photo_row(&app), "Ferry|private|sea secret");
    app.visitor().get(&format!("/s/{token}")).await.assert_status(404);
    // The button that makes a link says what the photo was, too.
    let old_page = alice.get(&photo.page()).await;
    alice.post(&photo.page(), &[("visibility", "public")]).await.assert_status(303);
    let share: Vec<_> = [("visibility", "link"), ("was_visibility", "private")].into();
    assert!(old_page.html().contains("name=\"was_visibility\" value=\"private\""));
    alice.post(&photo.page(), &share).await.assert_status(409);
    assert_eq!(photo_row(&app), "Ferry|public|sea secret");
}

#[tokio::test]
async fn what_was_changed_meanwhile_is_shown_and_what_was_typed_kept_beside() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload_tagged(jpeg(), "sea").await;
    let path = photo.page();
    let old_page = alice.get(&path).await;
    let theirs = [("title", "Theirs"), ("hashtags", "sea harbour"), ("visibility", "link")];
    alice.post(&path, &theirs).await.assert_status(303);
    for (name, value, now, shown) in [
        ("title", "Mine <b>", "Theirs", "Mine <b>"),
        ("hashtags", "#mine", "#harbour #sea", "#mine"),
        ("visibility", "public", "link", "Everyone"),
    ] {
        let form = Filled::of(&old_page, &path).with(name, value);
        let page = form.post(&alice, &path).await.assert_status(409).assert_says("changed meanwhile");
        assert_eq!(photo_row(&app), "Theirs|link|harbour sea", "nothing is saved");
        page.clone().assert_says(&format!(">{shown}</q>"));
        let again = Filled::of(&page, &path);
        assert!(again.0.contains(&(name.to_owned(), now.to_owned())), "the page as it is now: {:?}", again.0);
        let fields: Vec<_> = form.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let fragment = alice.post_by_script(&path, &fields).await.assert_status(409);
        assert!(fragment.html().contains("id=\"details\"") && !fragment.html().contains("<html"));
    }
    // What else was typed stays where it was typed, and the next try saves it.
    let page = Filled::of(&old_page, &path).with("title", "Mine").with("hashtags", "#mine").post(&alice, &path).await;
    page.clone().assert_status(409);
    let page = Filled::of(&page, &path).with("title", "Mine").post(&alice, &path).await;
    assert_eq!((page.status, photo_row(&app).as_str()), (303, "Mine|link|harbour sea"));
    let page = alice.get(&path).await;
    Filled::of(&page, &path).with("hashtags", "sea").post(&alice, &path).await.assert_status(303);
    assert_eq!(photo_row(&app), "Mine|link|sea");
    // The same change twice is none.
    Filled::of(&page, &path).with("hashtags", "#SEA").post(&alice, &path).await.assert_status(303);
}

#[tokio::test]
async fn of_many_old_tabs_one_changes_the_title() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload(jpeg()).await;
    let path = photo.page();
    let page = alice.get(&path).await;
    let forms = (0..20).map(|number| Filled::of(&page, &path).with("title", &format!("Tab {number}")));
    let posts = forms.map(async |form| form.post(&alice, &path).await.status);
    let statuses = join_all(posts).await;
    let saved = statuses.iter().filter(|status| **status == 303).count();
    assert_eq!((saved, statuses.iter().filter(|status| **status == 409).count()), (1, 19), "{statuses:?}");
    // A program that saw nothing sets what it sends.
    let blind = (0..20).map(async |number| alice.post(&path, &[("title", &format!("Program {number}"))]).await.status);
    assert!(join_all(blind).await.iter().all(|status| *status == 303));
}

#[tokio::test]
async fn an_old_account_page_brings_no_old_address_or_password_back() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let old_page = alice.get("/account").await;
    alice.post("/account", &[("email", "new@example.org"), ("full_name", "Alice")]).await.assert_status(303);
    let row = || app.ask("SELECT email || '|' || full_name FROM users");
    Filled::of(&old_page, "/account").post(&alice, "/account").await.assert_status(303);
    assert_eq!(row(), "new@example.org|Alice");
    let form = Filled::of(&old_page, "/account").with("full_name", "Mine");
    let page = form.post(&alice, "/account").await.assert_status(409).assert_says(">Mine</q>");
    assert_eq!((row().as_str(), page.field("full_name").as_str()), ("new@example.org|Alice", "Alice"));
    // A field that is not sent stays.
    alice.post("/account", &[("email", "newer@example.org")]).await.assert_status(303);
    assert_eq!(row(), "newer@example.org|Alice");

    // Two who change the password at once from the same old one.
    let change = async |password: &str| {
        let fields = [("current_password", PASSWORD), ("password", password)];
        app.device_of("alice").await.post("/account/password", &fields).await.status
    };
    let other = app.device_of("alice").await;
    let fields = [("current_password", PASSWORD), ("password", "another long one")];
    let (first, second) = tokio::join!(change("a third long one"), other.post("/account/password", &fields));
    let mut statuses = [first, second.status];
    statuses.sort_unstable();
    // The one that came second was logged out, or told.
    assert!(statuses[0] == 303 && [303, 409, 422].contains(&statuses[1]), "{statuses:?}");
    let works = async |password: &str| app.visitor().log_in("alice", password).await.status == 303;
    let working = [works("a third long one").await, works("another long one").await, works(PASSWORD).await];
    assert_eq!(working.iter().filter(|works| **works).count(), 1);
}

#[tokio::test]
async fn an_old_page_of_the_settings_does_not_open_registration_again() {
    let app = TestApp::start().await;
    let root = app.user("root").await;
    let (path, row) =
        ("/admin/registration", "SELECT registration || ' ' || coalesce(quota_mib::text, '-') FROM settings");
    let old_page = root.get(path).await;
    root.post(path, &[("registration", "closed")]).await.assert_status(303);
    Filled::of(&old_page, path).with("quota_mib", "512").post(&root, path).await.assert_status(303);
    assert_eq!(app.ask(row), "closed 512");
    app.visitor().register("mallory").await.assert_status(403);
    let form = Filled::of(&old_page, path).with("registration", "invitation");
    let page = form.post(&root, path).await.assert_status(409).assert_says("You chose: <q>By invitation</q>");
    assert!(page.form(path).contains(&("registration".to_owned(), "closed".to_owned())), "{page:?}");
    assert_eq!(app.ask(row), "closed 512");
    // What is wrong elsewhere in the form keeps what was chosen.
    let fresh = root.get(path).await;
    let form = Filled::of(&fresh, path).with("registration", "open").with("quota_mib", "much");
    let page = form.post(&root, path).await.assert_status(422);
    assert!(page.form(path).contains(&("registration".to_owned(), "open".to_owned())), "{page:?}");
    assert_eq!(app.ask(row), "closed 512");
}

#[tokio::test]
async fn an_old_page_of_a_person_brings_no_old_role_or_quota_back() {
    let app = TestApp::start().await;
    let (root, _) = (app.user("root").await, app.user("alice").await);
    let page = format!("/admin/people/{}", app.ask("SELECT id FROM users WHERE username = 'alice'"));
    let (role, quota) = (format!("{page}/role"), format!("{page}/quota"));
    let row = || app.ask("SELECT role || ' ' || coalesce(quota_mib::text, '-') FROM users WHERE username = 'alice'");
    root.post(&role, &[("role", "admin")]).await.assert_status(303);
    let old_page = root.get(&page).await;
    root.post(&role, &[("role", "user")]).await.assert_status(303);
    root.post(&quota, &[("quota_mib", "100")]).await.assert_status(303);
    Filled::of(&old_page, &role).post(&root, &role).await.assert_status(303);
    Filled::of(&old_page, &quota).post(&root, &quota).await.assert_status(303);
    assert_eq!(row(), "user 100");
    let form = Filled::of(&old_page, &quota).with("quota_mib", "9999");
    form.post(&root, &quota).await.assert_status(409).assert_says("9999</q>");
    assert_eq!(row(), "user 100");
}

/// Forms that make something new, or say what to do: nothing stored is in them.
const WITHOUT_STORED_FIELDS: [&str; 6] =
    ["/login", "/register", "/photos", "/photos/selection", "/admin/invitations", "/account/tokens"];

#[tokio::test]
async fn every_form_that_shows_what_is_stored_says_what_it_was_drawn_from() {
    let app = TestApp::start().await;
    let root = app.user("root").await;
    let photo = root.upload_tagged(jpeg(), "sea").await;
    root.post(&photo.page(), &[("title", "Ferry"), ("visibility", "public")]).await.assert_status(303);
    app.execute("UPDATE users SET full_name = 'Root', quota_mib = 5; INSERT INTO settings (quota_mib) VALUES (7)");
    let person = format!("/admin/people/{}", app.ask("SELECT id FROM users"));
    let mut seen = 0;
    for path in ["/photos", &photo.page(), "/account", "/hashtags", "/admin/people", &person, "/admin/registration"] {
        let page = root.get(path).await.assert_status(200);
        for action in page.attributes("action") {
            let fields = page.form(&action);
            for (name, value) in fields.iter().filter(|(name, _)| !name.starts_with("was_") && name != "next") {
                if WITHOUT_STORED_FIELDS.contains(&action.as_str()) || page.is_get_form(&action) || value.is_empty() {
                    continue;
                }
                let was = (format!("was_{name}"), value.clone());
                // The username that password managers want to see is not saved.
                assert!(fields.contains(&was) || name == "username", "{path}: {action} sends {name} without {}", was.0);
                seen += 1;
            }
        }
    }
    assert!(seen >= 8, "{seen}");
}

#[tokio::test]
async fn a_program_may_say_which_photo_it_means_to_change() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload_tagged(jpeg(), "sea").await;
    let path = format!("/api/v1/photos/{}", photo.id);
    let patch = async |tag: Option<&str>, body: serde_json::Value| {
        let request = alice.json(Method::PATCH, &path, &body);
        alice.send(tag.iter().fold(request, |request, tag| request.header("if-match", *tag))).await
    };
    let tag = alice.get(&path).await.assert_status(200).header("etag").to_owned();
    assert!(tag.starts_with('"'), "{tag}");
    let changed = patch(Some(&tag), json!({"visibility": "private", "title": "Mine"})).await.assert_status(200);
    assert_ne!(changed.header("etag"), tag);
    assert_eq!(alice.get(&path).await.header("etag"), changed.header("etag"));
    let refused = patch(Some(&tag), json!({"visibility": "public"})).await.assert_status(412);
    assert_eq!(refused.json()["type"], "urn:lumina:problem:changed-meanwhile");
    assert_eq!(photo_row(&app), "Mine|private|sea");
    let now = changed.header("etag");
    for (tag, status) in [("*", 200), ("nothing", 412), (&format!("\"x\", {now}"), 200), (&format!("W/{now}"), 200)] {
        patch(Some(tag), json!({})).await.assert_status(status);
    }
    patch(None, json!({"title": "Blind"})).await.assert_status(200);
    // Of two who saw the same photo one changes it.
    let tag = alice.get(&path).await.header("etag").to_owned();
    let tries = (0..10).map(|number| patch(Some(&tag), json!({"title": format!("Number {number}")})));
    let statuses: Vec<_> = join_all(tries).await.into_iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 412).count(), 9, "{statuses:?}");
}
