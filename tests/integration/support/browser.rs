//! Real Chromium through WebDriver, as people use Lumina: real clicks, keys, drops and a clipboard.
//!
//! ```ignore
//! let browser = Browser::start(&app).await;
//! browser.sign_up("alice").await;
//! browser.click("[data-upload]").await;
//! browser.until("document.querySelectorAll('.card').length === 3").await;
//! browser.assert_quiet(&[]).await;
//! ```
//!
//! Chromedriver and Chromium never outlive the test, however it ends: chromedriver runs under a shell that kills it as
//! soon as its standard input closes, and Chromium is steered through a pipe and leaves when chromedriver does. The shell
//! then removes the browser's profile.

mod audit;
mod chromedriver;

use std::ops::Deref;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thirtyfour::{By, Capabilities, Key, WebDriver, WebElement};

use self::chromedriver::Chromedriver;
use super::app::{PASSWORD, TestApp};

/// How long anything on a page may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// No sandbox, since tests may run as root in a container; no talk with the vendor's servers.
const FLAGS: [&str; 12] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-pipe",
    "--force-color-profile=srgb",
    "--lang=en-US",
    "--window-size=1280,900",
];

/// A browser with a fresh profile, on no page yet.
pub struct Browser {
    driver: Option<WebDriver>,
    _process: Chromedriver,
    base: String,
}

/// Whatever WebDriver can do beyond what is here.
impl Deref for Browser {
    type Target = WebDriver;

    fn deref(&self) -> &WebDriver {
        self.driver.as_ref().expect("there until dropped")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Not asked to quit politely: its process is ended, also where no runtime is left to ask from.
        let _ = self.driver.take().map(WebDriver::leak);
    }
}

impl Browser {
    /// As most people have it.
    pub async fn start(app: &TestApp) -> Self {
        Self::start_with(app, json!({})).await
    }

    /// With JavaScript switched off in its settings.
    pub async fn start_without_script(app: &TestApp) -> Self {
        Self::start_with(app, json!({ "profile.managed_default_content_settings.javascript": 2 })).await
    }

    async fn start_with(app: &TestApp, preferences: Value) -> Self {
        let profile = tempfile::tempdir().unwrap().keep();
        let process = Chromedriver::start(&profile);
        let arguments = FLAGS.map(String::from).into_iter().chain([format!("--user-data-dir={}", profile.display())]);
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments.collect::<Vec<_>>(), "prefs": preferences },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            // A question such as "leave this page?" fails the test that did not expect it.
            "unhandledPromptBehavior": "dismiss and notify",
        });
        let Value::Object(capabilities) = capabilities else { unreachable!() };
        let server = format!("http://127.0.0.1:{}", process.port);
        let driver = WebDriver::new(server, Capabilities::from(capabilities)).await.expect("Chromium starts");
        Self { driver: Some(driver), _process: process, base: app.base().to_owned() }
    }

    /// Opens a page of Lumina by its path.
    pub async fn open(&self, path: &str) {
        self.goto(format!("{}{path}", self.base)).await.unwrap();
    }

    /// The path and query of the page that is shown.
    pub async fn path(&self) -> String {
        let url = self.current_url().await.unwrap();
        url.as_str().trim_start_matches(&self.base).to_owned()
    }

    /// Registers by the form and lands in the empty gallery.
    pub async fn sign_up(&self, name: &str) {
        self.open("/register").await;
        self.fill("#username", name).await;
        self.fill("#email", &format!("{name}@example.org")).await;
        self.fill("#password", PASSWORD).await;
        self.click("main form .primary").await;
        self.until_path("/photos").await;
    }

    /// Logs in by the form and lands in the gallery.
    pub async fn log_in(&self, name: &str) {
        self.open("/login").await;
        self.fill("#username", name).await;
        self.fill("#password", PASSWORD).await;
        self.click("main form .primary").await;
        self.until_path("/photos").await;
    }

    /// What a JavaScript expression is worth, promises awaited; its `$0` is `argument`.
    pub async fn value_with<T: DeserializeOwned>(&self, expression: &str, argument: impl Into<Value>) -> T {
        let script = format!("const $0 = arguments[0]; return ({expression});");
        let answer = self.execute(script, vec![argument.into()]).await;
        answer.unwrap_or_else(|error| panic!("{error}\nin {expression}")).convert().unwrap()
    }

    /// What a JavaScript expression is worth, promises awaited.
    pub async fn value<T: DeserializeOwned>(&self, expression: &str) -> T {
        self.value_with(expression, Value::Null).await
    }

    /// Waits until a JavaScript condition holds; pages may come and go meanwhile.
    #[track_caller]
    pub fn until<'a>(&'a self, condition: &str) -> impl Future<Output = ()> + use<'a> {
        let place = std::panic::Location::caller();
        let script = format!("return Boolean({condition});");
        async move {
            let start = Instant::now();
            loop {
                // While a page goes and the next one comes there is nobody to ask.
                if let Ok(answer) = self.execute(script.as_str(), vec![]).await
                    && answer.json() == &Value::Bool(true)
                {
                    return;
                }
                if start.elapsed() > PATIENCE {
                    let focus: Value = self.value("document.activeElement?.outerHTML.slice(0, 300)").await;
                    panic!("{place}: on {} never: {script}\nfocus: {focus}\n{}", self.path().await, self.words().await);
                }
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
        }
    }

    /// Waits until the page at this path is there and has run its scripts.
    #[track_caller]
    pub fn until_path<'a>(&'a self, path: &str) -> impl Future<Output = ()> + use<'a> {
        self.until(&format!("location.pathname + location.search === '{path}' && document.readyState === 'complete'"))
    }

    /// Waits until somewhere on the page these words can be read.
    #[track_caller]
    pub fn until_says<'a>(&'a self, words: &str) -> impl Future<Output = ()> + use<'a> {
        self.until(&format!("document.body.innerText.includes({})", json!(words)))
    }

    /// What can be read on the page.
    pub async fn words(&self) -> String {
        match self.find(By::Tag("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(error) => error.to_string(),
        }
    }

    /// How many elements there are.
    pub async fn count(&self, css: &str) -> usize {
        self.find_all(By::Css(css)).await.unwrap().len()
    }

    /// The element, waited for until it can be seen.
    pub async fn seen(&self, css: &str) -> WebElement {
        let start = Instant::now();
        loop {
            // While a page goes and the next one comes there is nothing to be found.
            let found = self.find_all(By::Css(css)).await;
            for element in found.iter().flatten() {
                if element.is_displayed().await.unwrap_or(false) {
                    return element.clone();
                }
            }
            if start.elapsed() > PATIENCE {
                panic!("{css} is not seen on {}\n{found:?}\n{}", self.path().await, self.words().await);
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    /// Clicks with the mouse, once nothing lies over the element.
    pub async fn click(&self, css: &str) {
        let start = Instant::now();
        while let Err(error) = self.seen(css).await.click().await {
            assert!(start.elapsed() < PATIENCE, "{css}: {error}");
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    /// Puts the mouse over an element, for what can be seen and clicked only then.
    pub async fn hover(&self, css: &str) {
        let element = self.seen(css).await;
        self.action_chain().move_to_element_center(&element).perform().await.unwrap();
    }

    /// Empties a field and types into it.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.seen(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Types wherever the focus is. Keys without a letter are [pressed](Self::press_key).
    pub async fn press(&self, keys: impl Into<thirtyfour::TypingData>) {
        self.action_chain().send_keys(keys).perform().await.unwrap();
    }

    /// Presses one key, once. When the page goes away in the middle of a command, as it may after this, chromedriver does that
    /// command again on the next page: events of the browser's own protocol it leaves alone.
    pub async fn press_key(&self, key: Key) {
        let (name, code, text) = match key {
            Key::Tab => ("Tab", 9, ""),
            Key::Enter => ("Enter", 13, "\r"),
            Key::Escape => ("Escape", 27, ""),
            Key::Space => ("Space", 32, " "),
            Key::Home => ("Home", 36, ""),
            Key::Left => ("ArrowLeft", 37, ""),
            Key::Right => ("ArrowRight", 39, ""),
            Key::Down => ("ArrowDown", 40, ""),
            other => panic!("{other:?} is not known here"),
        };
        let key = if text == " " { text } else { name };
        for (kind, text) in [("keyDown", text), ("keyUp", "")] {
            let event = json!({ "type": kind, "key": key, "code": name, "windowsVirtualKeyCode": code, "text": text });
            self.devtools("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Holds a key while pressing another.
    pub async fn press_with(&self, held: Key, key: char) {
        self.action_chain().key_down(held.clone()).send_keys(key.to_string()).key_up(held).perform().await.unwrap();
    }

    /// Drops files or folders from the disk into the middle of the page, as a file manager does.
    pub async fn drop_files(&self, paths: &[&Path]) {
        let data = json!({ "items": [], "files": paths, "dragOperationsMask": 1 });
        for kind in ["dragEnter", "dragOver", "drop"] {
            self.devtools("Input.dispatchDragEvent", json!({ "type": kind, "x": 300, "y": 300, "data": data })).await;
        }
    }

    /// A command of the Chrome DevTools Protocol.
    pub async fn devtools(&self, method: &str, parameters: Value) -> Value {
        self.cdp().send_raw(method, parameters).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The text in the clipboard.
    pub async fn clipboard(&self) -> String {
        self.allow_clipboard().await;
        self.value("navigator.clipboard.readText()").await
    }

    /// Lets scripts of tests at the clipboard, which browsers otherwise ask people about.
    pub async fn allow_clipboard(&self) {
        let permissions = json!(["clipboardReadWrite", "clipboardSanitizedWrite"]);
        self.devtools("Browser.grantPermissions", json!({ "origin": self.base, "permissions": permissions })).await;
    }
}
