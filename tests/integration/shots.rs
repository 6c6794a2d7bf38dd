//! `./dev shots DIR [NAME]`: a picture of every page, or of those whose name contains NAME, for people to look at. Does nothing unless `LUMINA_SHOTS` names a folder.
//!
//! Each file is named after its page, whether the album is full or empty, the window's width and the theme. The photos are
//! cut from those in the folder `photos` of `LUMINA_CORPUS` when that is set, else painted.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use thirtyfour::Key;

use crate::browser::pages::people;
use crate::browser::scenes::{dated, scene, shape, write_scenes};
use crate::support::browser::Browser;
use crate::support::images::broken_jpeg;
use crate::support::{Client, Photo, TestApp, Upload, oidc};

/// Phone, tablet, laptop.
const SIZES: [(u32, u32); 3] = [(390, 844), (820, 1180), (1440, 900)];
/// No picture is higher: more of the same tells nothing.
const HIGHEST: u32 = 2600;
/// Of the full album.
const PHOTOS: u32 = 72;

struct Camera<'a> {
    browser: &'a Browser,
    folder: PathBuf,
    /// Of the pages alone whose names hold this, or one of these with commas between them.
    only: Option<String>,
}

impl Camera<'_> {
    async fn open(&self, name: &str, path: &str) {
        self.browser.open(path).await;
        self.shoot(name).await;
    }

    /// The whole page as it is, at each width in each theme.
    async fn shoot(&self, name: &str) {
        self.shoot_down_to(name, HIGHEST).await;
    }

    /// What the window shows of it: for what lies over the page.
    async fn shoot_window(&self, name: &str) {
        self.shoot_down_to(name, 0).await;
    }

    async fn shoot_down_to(&self, name: &str, highest: u32) {
        if self.only.as_deref().is_some_and(|only| !only.split(',').any(|part| name.contains(part))) {
            return;
        }
        for (width, height) in SIZES {
            self.browser.resize(width, height).await;
            for theme in ["light", "dark"] {
                self.browser.prefer(theme).await;
                self.settle().await;
                let full = self.height().await;
                let whole = full.min(highest).max(height);
                // In a window as high as the page, what sticks to its lower edge is at the end of the picture. Not where the
                // page grows with the window.
                self.browser.resize(width, whole).await;
                if self.height().await > full.max(height) {
                    self.browser.resize(width, height).await;
                }
                self.settle().await;
                let top: f64 = if highest == 0 { self.browser.value("scrollY").await } else { 0.0 };
                let clip = json!({ "x": 0, "y": top, "width": width, "height": whole, "scale": 1 });
                let options = json!({ "format": "png", "captureBeyondViewport": whole > height, "clip": clip });
                let picture = self.browser.devtools("Page.captureScreenshot", options).await;
                let file = self.folder.join(format!("{name}-{width}-{theme}.png"));
                fs::write(file, decoded(picture["data"].as_str().unwrap())).unwrap();
                self.browser.resize(width, height).await;
            }
        }
        self.browser.resize(SIZES[2].0, SIZES[2].1).await;
    }

    async fn height(&self) -> u32 {
        self.browser.value("document.documentElement.scrollHeight").await
    }

    /// Waits for the images that can be seen in a picture of the whole page.
    async fn settle(&self) {
        let images = format!("[...document.images].filter((image) => image.getBoundingClientRect().top < {HIGHEST})");
        self.browser
            .value::<bool>(&format!("({images}.forEach((image) => {{ image.loading = 'eager' }}), true)"))
            .await;
        let shown = format!("Promise.all({images}.map((image) => image.decode().catch(() => {{}}))).then(() => true)");
        self.browser.value::<bool>(&shown).await;
        self.browser
            .value::<bool>("new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(true), 120)))")
            .await;
    }
}

/// Base64 (RFC 4648) as the DevTools send it.
fn decoded(text: &str) -> Vec<u8> {
    let digit = |byte: &u8| "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".find(char::from(*byte));
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for four in text.as_bytes().chunks(4) {
        let digits: Vec<_> = four.iter().map_while(digit).collect();
        let bits = digits.iter().fold(0, |bits, digit| bits << 6 | *digit as u32) << (6 * (4 - digits.len()));
        bytes.extend(&bits.to_be_bytes()[1..digits.len()]);
    }
    bytes
}

/// Cuttings of real photos where there are some, else scenes.
fn photos() -> Vec<Vec<u8>> {
    let corpus = std::env::var_os("LUMINA_CORPUS").map(|corpus| Path::new(&corpus).join("photos"));
    let files = corpus.and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    let real: Vec<_> = files.filter_map(|file| Some(image::open(file.path()).ok()?.thumbnail(2000, 2000))).collect();
    let cut = |number: u32| {
        let whole = &real[number as usize % real.len()];
        let ((width, height), turn) = (shape(number, 1000), number * 197);
        let (width, height) = (width.min(whole.width()), height.min(whole.height()));
        let (left, top) = (turn % (whole.width() - width + 1), turn % (whole.height() - height + 1));
        dated(number, &whole.crop_imm(left, top, width, height))
    };
    (1..=PHOTOS).map(|number| if real.is_empty() { scene(number, 1000) } else { cut(number) }).collect()
}

const HASHTAGS: [&str; 6] =
    ["crete family", "crete beach sunset", "mountains hiking", "family birthday", "lisbon", "sunset mountains"];

async fn fill(client: &Client, photos: Vec<Vec<u8>>) -> Vec<Photo> {
    for (number, photo) in photos.into_iter().enumerate() {
        let form = Upload::new()
            .hashtags(HASHTAGS[number % HASHTAGS.len()])
            .file(&format!("IMG_{:04}.jpg", number + 4711), photo);
        client.post_upload(form).await;
    }
    let photos = client.get("/photos").await.photos();
    let titles = ["Evening at the harbour", "Grandmother’s garden", "The long way down"];
    for (photo, title) in photos.iter().zip(titles) {
        client.post(&photo.page(), &[("title", title)]).await.assert_status(303);
    }
    photos
}

#[tokio::test]
async fn shots() {
    let Some(folder) = std::env::var_os("LUMINA_SHOTS").map(PathBuf::from) else { return };
    fs::create_dir_all(&folder).unwrap();
    let app = oidc::app_with_a_button().await;
    let browser = Browser::start(&app).await;
    browser.resize(SIZES[2].0, SIZES[2].1).await;
    let camera = Camera { browser: &browser, folder, only: std::env::var("LUMINA_SHOTS_OF").ok() };
    shoot_visitor(&camera).await;
    browser.sign_up("maria").await;
    let photos = photos();
    let maria = app.device_of("maria").await;
    for (name, path) in
        [("gallery", "/photos"), ("hashtags", "/hashtags"), ("account", "/account"), ("person", "/u/maria")]
    {
        camera.open(&format!("{name}-empty"), path).await;
    }
    maria.post("/account", &[("email", "maria@example.org"), ("full_name", "Maria Papadaki")]).await.assert_status(303);
    let photos = fill(&maria, photos).await;
    shoot_full(&camera, &maria, &photos).await;
    shoot_states(&camera).await;
    let invitation = shoot_admin(&camera, &app).await;
    shoot_shared(&camera, &app, &maria, &photos).await;
    camera.browser.goto(invitation).await.unwrap();
    camera.shoot("register-invited").await;
}

async fn shoot_visitor(camera: &Camera<'_>) {
    for (name, path) in
        [("home", "/"), ("login", "/login"), ("register", "/register"), ("docs", "/docs"), ("not-found", "/nothing")]
    {
        camera.open(name, path).await;
    }
    camera.browser.open("/register").await;
    camera.browser.fill("#username", "m!").await;
    camera.browser.fill("#email", "maria@example.org").await;
    camera.browser.fill("#password", "short").await;
    camera.browser.click("main form .primary").await;
    camera.browser.seen("[aria-invalid]").await;
    camera.shoot("register-refused").await;
}

async fn shoot_full(camera: &Camera<'_>, maria: &Client, photos: &[Photo]) {
    for (name, path) in [("gallery", "/photos"), ("gallery-filtered", "/photos?hashtag=crete&hashtag=family")] {
        camera.open(&format!("{name}-full"), path).await;
    }
    camera.open("gallery-no-match", "/photos?hashtag=crete&hashtag=lisbon").await;
    camera.open("hashtags-full", "/hashtags").await;
    camera.open("hashtags-no-match", "/hashtags?q=nothing").await;
    camera.open("account-full", "/account").await;
    shoot_token(camera).await;
    camera.open("photo-private", &photos[2].page()).await;
    camera.open("photo-tall", &photos[6].page()).await;
    for (photo, visibility) in photos.iter().zip(["link", "public", "public", "public", "public", "public"]) {
        maria.share(photo, visibility).await;
    }
    camera.open("photo-shared", &photos[0].page()).await;
    shoot_changed_meanwhile(camera, maria, &photos[7]).await;
}

async fn shoot_token(camera: &Camera<'_>) {
    let browser = camera.browser;
    browser.open("/account").await;
    browser.click(".new-token summary").await;
    camera.shoot("account-new-token").await;
    browser.fill("#token-name", "Screenshots").await;
    browser.click("input[value='photos:write']").await;
    browser.click(".new-token .primary").await;
    browser.seen("#new-token").await;
    camera.shoot("account-token-made").await;
}

async fn shoot_states(camera: &Camera<'_>) {
    let browser = camera.browser;
    browser.open("/docs#showMe").await;
    browser.click("#showMe .try summary").await;
    browser.click("#showMe .primary").await;
    browser.seen("#showMe .result .code").await;
    camera.shoot_window("docs-tried").await;
    browser.open("/photos").await;
    browser.press("?").await;
    camera.shoot_window("keys").await;
    browser.press_key(Key::Escape).await;
    browser.press("u").await;
    camera.shoot_window("upload").await;
    browser.press_key(Key::Escape).await;
    browser.click("[popovertarget=menu]").await;
    camera.shoot_window("menu").await;
    browser.press_key(Key::Escape).await;
    browser.press("/").await;
    browser.press("c").await;
    browser.seen("[role=option]").await;
    camera.shoot_window("suggestions").await;
    browser.open("/photos").await;
    for number in [1, 2, 4] {
        let card = format!(".card:nth-child({number} of .card)");
        browser.hover(&card).await;
        browser.click(&format!("{card} .pick")).await;
    }
    camera.shoot_window("selection").await;
    browser.press_key(Key::Escape).await;
    let folder = tempfile::tempdir().unwrap();
    let mut files = write_scenes(folder.path(), 101..=105, 900);
    files.push(folder.path().join("IMG_4890 (half).jpg"));
    fs::write(&files[5], broken_jpeg()).unwrap();
    browser.drop_files(&files.iter().map(PathBuf::as_path).collect::<Vec<_>>()).await;
    browser.until("document.querySelectorAll('.tray li[data-state=done]').length === 5").await;
    browser.seen(".tray li[data-state=refused]").await;
    camera.shoot_window("tray").await;
    browser.open("/photos").await;
    browser.click(".card .card-link").await;
    browser.click("[data-delete]").await;
    browser.until_says("Photo deleted.").await;
    camera.shoot_window("deleted").await;
    browser.value::<bool>("(document.querySelectorAll('.pick input')[3].click(), true)").await;
    camera.shoot_window("deleted-selection").await;
}

/// What the other tab has changed.
async fn shoot_changed_meanwhile(camera: &Camera<'_>, maria: &Client, photo: &Photo) {
    let browser = camera.browser;
    browser.open(&photo.page()).await;
    maria.post(&photo.page(), &[("title", "Evening"), ("visibility", "private")]).await.assert_status(303);
    browser.fill("#title", "Evening at the old harbour").await;
    browser.press_key(Key::Enter).await;
    browser.until_says("This was changed meanwhile").await;
    camera.shoot("photo-changed-meanwhile").await;
}

/// Answers an invitation's link.
async fn shoot_admin(camera: &Camera<'_>, app: &TestApp) -> String {
    people(app);
    app.execute("UPDATE users SET quota_mib = 1024 WHERE username = 'maria'");
    let id = |name: &str| app.ask(&format!("SELECT id FROM users WHERE username = '{name}'"));
    camera.open("admin-people", "/admin/people").await;
    camera.open("admin-people-nobody", "/admin/people?q=nobody").await;
    camera.open("admin-person", &format!("/admin/people/{}", id("dora"))).await;
    camera.open("admin-delete", &format!("/admin/people/{}/delete", id("dora"))).await;
    camera.open("admin-person-disabled", &format!("/admin/people/{}", id("farid"))).await;
    camera.open("admin-registration", "/admin/registration").await;
    camera.open("account-quota", "/account").await;
    camera.browser.open("/admin/registration").await;
    camera.browser.click("input[value=invitation]").await;
    camera.browser.click("main form .primary").await;
    camera.browser.until_says("Saved.").await;
    camera.browser.fill("#note", "The choir").await;
    camera.browser.press_key(Key::Enter).await;
    let link = camera.browser.seen("#link").await.value().await.unwrap().unwrap();
    camera.shoot("admin-invitation").await;
    app.execute("UPDATE settings SET registration = 'open'; UPDATE users SET role = 'admin' WHERE username = 'dora'");
    link
}

async fn shoot_shared(camera: &Camera<'_>, app: &TestApp, maria: &Client, photos: &[Photo]) {
    let link = maria.share(&photos[1], "link").await.unwrap();
    camera.browser.delete_all_cookies().await.unwrap();
    camera.open("shared", &format!("/s/{link}")).await;
    camera.open("person-full", "/u/maria").await;
    app.execute("ALTER TABLE photos RENAME TO gone");
    camera.open("failed", "/u/maria").await;
}
