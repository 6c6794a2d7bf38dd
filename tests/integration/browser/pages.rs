//! Every page, in both themes, from 320 pixels to a wide screen: axe-core finds nothing, the console stays silent, nothing
//! is inline, nothing comes from elsewhere, nothing has to be scrolled sideways, nothing jumps.

use std::path::PathBuf;

use thirtyfour::Key;

use super::scenes::{scene, write_scenes};
use crate::support::browser::Browser;
use crate::support::images::broken_jpeg;
use crate::support::{Client, Photo, TestApp, Upload, oidc};

/// What is written into the HTML as the server sent it that the content security policy would forbid.
const INLINE: &str = "fetch(location.href).then((answer) => answer.text()).then((html) => {
    const page = new DOMParser().parseFromString(html, 'text/html');
    const all = [page, ...[...page.querySelectorAll('template')].map((template) => template.content)];
    const handlers = (element) => [...element.attributes].some(({ name }) => name.startsWith('on') || name.startsWith('hx-on'));
    return all.flatMap((root) => [...root.querySelectorAll('*')])
        .filter((element) => element.matches('[style], style, script:not([src])') || handlers(element))
        .map((element) => `inline: ${element.outerHTML.slice(0, 200)}`);
})";

/// Elements that reach beyond the window's side, if it can be scrolled there.
const TOO_WIDE: &str = "document.documentElement.scrollWidth <= 320 ? [] : [...document.body.querySelectorAll('*')]
    .filter((element) => element.getBoundingClientRect().right > 320.5)
    .map((element) => `wider than 320: ${element.outerHTML.slice(0, 160)}`)";

/// Looks at pages one by one and remembers what is wrong with them, so that one run tells everything.
struct Audit<'a> {
    browser: &'a Browser,
    findings: Vec<String>,
}

impl Audit<'_> {
    /// Opens a page and looks at it.
    async fn open(&mut self, path: &str) {
        self.open_failing(path, &[]).await;
    }

    /// Opens a page whose own status the console will mention.
    async fn open_failing(&mut self, path: &str, expected: &[&str]) {
        self.browser.open(path).await;
        let shifts = self.browser.shifts().await;
        self.note(path, shifts);
        self.look(path, expected).await;
        let inline = self.browser.value(INLINE).await;
        self.note(path, inline);
        // Asking for the page once more made the console mention it once more.
        let complaints = self.browser.complaints(expected).await;
        self.note(path, complaints);
    }

    /// Looks at what is shown, whatever was done to come here.
    async fn look(&mut self, what: &str, expected: &[&str]) {
        let browser = self.browser;
        for (width, height, themes) in [(1280, 900, ["light", "dark"]), (390, 844, ["dark", "light"])] {
            browser.resize(width, height).await;
            // Nothing lies under a bar only because of where the page was scrolled to.
            browser.resize_to_page(width).await;
            // Everything once a width; colours in the other theme too.
            for (theme, rule) in themes.iter().zip([None, Some("color-contrast")]) {
                browser.prefer(theme).await;
                let found = browser.axe(rule).await;
                self.note(&format!("{what} ({width}, {theme})"), found);
            }
        }
        browser.resize(320, 640).await;
        let too_wide = browser.value(TOO_WIDE).await;
        self.note(what, too_wide);
        browser.resize(1280, 900).await;
        let complaints = browser.complaints(expected).await;
        self.note(what, complaints);
    }

    fn note(&mut self, what: &str, found: Vec<String>) {
        self.findings.extend(found.into_iter().map(|finding| format!("{what}: {finding}")));
    }

    /// Ends the test if anything was found.
    fn finish(self) {
        assert!(self.findings.is_empty(), "{} findings:\n{}", self.findings.len(), self.findings.join("\n"));
    }
}

async fn fill_gallery(client: &Client, count: u32) -> Vec<Photo> {
    let form = Upload::new().hashtags("crete family");
    let form = (1..=count).fold(form, |form, number| form.file(&format!("{number}.jpg"), scene(number, 160)));
    client.post_upload(form).await.assert_status(303);
    let photos = client.get("/photos").await.photos();
    client
        .post(&photos[0].page(), &[("title", "A ferry at noon"), ("hashtags", "#ferry #sea")])
        .await
        .assert_status(303);
    photos
}

#[tokio::test]
async fn pages_for_visitors_are_sound() {
    let app = oidc::app_with_a_button().await;
    let alice = app.user("alice").await;
    let photos = fill_gallery(&alice, 9).await;
    let link = format!("/s/{}", alice.share(&photos[1], "link").await.unwrap());
    for photo in [&photos[0], &photos[2], &photos[3]] {
        alice.share(photo, "public").await;
    }
    let browser = Browser::start(&app).await;
    let mut audit = Audit { browser: &browser, findings: Vec::new() };
    for path in
        ["/", "/login", "/register", "/docs", &link, "/u/alice", "/u/alice?hashtag=sea", "/u/alice?hashtag=none"]
    {
        audit.open(path).await;
    }
    audit.open_failing("/photos/nothing/here", &["status of 404"]).await;

    browser.open("/login").await;
    browser.fill("#username", "alice").await;
    browser.fill("#password", "wrong password").await;
    browser.click("main form .primary").await;
    browser.until_says("do not match").await;
    audit.look("failed login", &["status of 422", "status of 401"]).await;
    browser.open("/register").await;
    browser.fill("#username", "a!").await;
    browser.fill("#email", "alice@example.org").await;
    browser.fill("#password", "short").await;
    browser.click("main form .primary").await;
    browser.seen("#username[aria-invalid=true]").await;
    audit.look("failed registration", &["status of 422"]).await;
    browser.click("[popovertarget=menu]").await;
    audit.look("theme menu", &[]).await;

    app.execute("ALTER TABLE photos RENAME TO gone");
    audit.open_failing("/u/alice", &["status of 500"]).await;
    audit.finish();
}

#[tokio::test]
async fn pages_for_admins_are_sound() {
    let app = oidc::app_with_a_button().await;
    let browser = Browser::start(&app).await;
    browser.sign_up("root").await;
    people(&app);
    let mut audit = Audit { browser: &browser, findings: Vec::new() };
    let id = |name: &str| app.ask(&format!("SELECT id FROM users WHERE username = '{name}'"));
    let (own, other) = (format!("/admin/people/{}", id("root")), format!("/admin/people/{}", id("zoe")));
    let deletion = format!("{other}/delete");
    for path in ["/admin/people", "/admin/people?q=nobody", &own, &other, &deletion, "/admin/registration", "/account"]
    {
        audit.open(path).await;
    }
    // As somebody does who has no mouse: make it by invitation, make a link, disable somebody.
    browser.open("/admin/registration").await;
    browser.click("input[value=invitation]").await;
    browser.click("main form .primary").await;
    browser.until_says("Saved.").await;
    browser.fill("#note", "The choir").await;
    browser.press_key(Key::Enter).await;
    let link = browser.seen("#link").await.value().await.unwrap().unwrap();
    assert!(link.contains("/register?invitation="), "{link}");
    audit.look("a new link", &[]).await;
    browser.click("[data-copy='#link']").await;
    assert_eq!(browser.clipboard().await, link);
    app.execute("UPDATE users SET role = 'user' WHERE username = 'chen'");
    browser.open(&own).await;
    browser.click("main .danger").await;
    browser.until_says("There is no other admin").await;
    audit.look("the last admin", &["status of 422"]).await;
    browser.open("/admin/people").await;
    browser.fill("#search", "zoe").await;
    browser.until("document.querySelectorAll('.people li').length === 1").await;
    browser.click(".people a").await;
    browser.click("main .danger").await;
    browser.until_says("zoe is disabled").await;
    audit.look("somebody disabled", &[]).await;
    browser.delete_all_cookies().await.unwrap();
    audit.open("/register").await;
    audit.open(link.split_once("/register").map(|(_, rest)| format!("/register{rest}")).as_deref().unwrap()).await;
    audit.finish();
}

/// Enough people for several pages, some with photos and quotas.
pub fn people(app: &TestApp) {
    app.execute(
        "INSERT INTO users (username, email, full_name, role, quota_mib, active)
         SELECT name, name || '@example.org', CASE n % 3 WHEN 0 THEN initcap(name) || ' Papadaki' ELSE '' END,
                CASE n WHEN 3 THEN 'admin' ELSE 'user' END, CASE n % 4 WHEN 0 THEN 5120 END, n <> 6
         FROM unnest(ARRAY['amir', 'bea', 'chen', 'dora', 'elena', 'farid', 'grete', 'hugo', 'zoe']) WITH ORDINALITY AS t (name, n);
         INSERT INTO users (username, email) SELECT format('guest-%s', n), format('guest-%s@example.org', n) FROM generate_series(1, 60) n;
         INSERT INTO photo_counts (owner_id, photos, bytes)
         SELECT id, 37 * id, 612345678 * id FROM users WHERE username !~ 'guest|root' ON CONFLICT DO NOTHING",
    );
}

#[tokio::test]
async fn pages_for_users_are_sound() {
    let app = oidc::app_with_a_button().await;
    let browser = Browser::start(&app).await;
    browser.sign_up("alice").await;
    let mut audit = Audit { browser: &browser, findings: Vec::new() };
    for path in ["/photos", "/hashtags", "/photos?hashtag=nothing", "/u/alice"] {
        audit.open(path).await;
    }
    let alice = app.device_of("alice").await;
    let photos = fill_gallery(&alice, 30).await;
    alice.share(&photos[1], "public").await;
    let more = ["/photos", "/photos?hashtag=crete&hashtag=family", "/hashtags", "/hashtags?q=nothing", "/account"];
    let (private, shared) = (photos[0].page(), photos[1].page());
    for path in more.into_iter().chain([private.as_str(), shared.as_str()]) {
        audit.open(path).await;
    }
    audit.open_failing("/nothing", &["status of 404"]).await;

    browser.open(&shared).await;
    browser.click(".formats summary").await;
    audit.look("all ways to copy", &[]).await;
    browser.open("/docs").await;
    browser.click("#showMe .try summary").await;
    browser.click("#showMe .primary").await;
    browser.seen("#showMe .result .code").await;
    audit.look("a call that was tried", &[]).await;
    browser.open("/account").await;
    browser.fill("#email", "not an address").await;
    browser.value::<bool>("document.querySelector('#profile form').noValidate = true").await;
    browser.click("#profile .primary").await;
    browser.seen("#email[aria-invalid=true]").await;
    audit.look("failed profile", &["status of 422"]).await;

    browser.open("/account").await;
    browser.click(".new-token summary").await;
    browser.fill("#token-name", "Screenshots").await;
    browser.click("input[value='photos:read']").await;
    browser.click(".new-token .primary").await;
    browser.until_says("Choose what it may do").await;
    audit.look("failed token", &["status of 422"]).await;
    browser.click("input[value='photos:write']").await;
    browser.click(".new-token .primary").await;
    browser.seen("#new-token").await;
    audit.look("new token", &[]).await;
    browser.open("/account").await;
    assert_eq!(browser.count("#new-token").await, 0, "it is shown once");
    assert_eq!(browser.count("#tokens .devices li").await, 1);

    browser.open("/photos").await;
    browser.hover(".card").await;
    browser.click(".card .pick").await;
    browser.seen("#selection-bar").await;
    audit.look("selection", &[]).await;
    browser.press_key(Key::Escape).await;
    browser.click("[popovertarget=menu]").await;
    audit.look("account menu", &[]).await;
    browser.press_key(Key::Escape).await;
    browser.press("?").await;
    browser.seen("#keys").await;
    audit.look("list of keys", &[]).await;
    browser.press_key(Key::Escape).await;
    browser.press("u").await;
    browser.seen("#upload").await;
    audit.look("upload dialog", &[]).await;
    browser.press_key(Key::Escape).await;

    let folder = tempfile::tempdir().unwrap();
    let broken: PathBuf = folder.path().join("broken.jpg");
    std::fs::write(&broken, broken_jpeg()).unwrap();
    let good = write_scenes(folder.path(), 40..=40, 320);
    browser.drop_files(&[&broken, &good[0]]).await;
    browser.seen(".tray li[data-state=refused]").await;
    browser.seen(".tray li[data-state=done]").await;
    audit.look("tray", &["status of 415", "status of 422"]).await;
    audit.finish();
}
