//! Files that are two things at once, opened in every way a page can open one: nothing in them runs.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::json;

use crate::polyglots::{PAGE, addresses, made, script_gif};
use crate::support::browser::Browser;
use crate::support::corpora::{corpora, files_below};
use crate::support::{TestApp, Upload};

/// Puts every address of `$0.urls` into the page as each of `$0.tags`, and waits until each has come or been blocked. Of a
/// download in a frame a page hears nothing, hence the limit; of a picture it always does, however busy the machine is.
/// Answers how many pictures are shown.
const EMBED: &str = "Promise.all($0.urls.flatMap((url) => $0.tags.map((tag) => new Promise((done) => {
        const element = document.createElement(tag);
        element.onload = element.onerror = () => done();
        if (tag !== 'img') setTimeout(done, 1000);
        element[tag === 'object' ? 'data' : 'src'] = url;
        document.body.append(element);
    })))).then(() => [...document.images].filter(({ naturalWidth }) => naturalWidth > 0).length)";

const TAGS: [&str; 5] = ["img", "iframe", "object", "embed", "script"];

/// Tells in the console when a payload runs, in whatever frame of the page.
const TELL: &str = "Object.defineProperty(window, '__polyglot', { configurable: true, set: (value) => {
    console.error('a polyglot runs');
    Object.defineProperty(window, '__polyglot', { value });
} })";

#[tokio::test]
async fn polyglots_run_nowhere() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut files: Vec<_> = made().into_iter().map(|(name, file)| (name.to_owned(), file)).collect();
    if let Some(corpora) = corpora() {
        let polyglots = files_below(&corpora.join("hostile/polyglots")).into_iter();
        files.extend(polyglots.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())));
    }
    let (elsewhere, unprotected) = (Elsewhere::open(), Elsewhere::open());
    let browser = Browser::start(&app).await;
    browser.log_in("alice").await;
    browser.devtools("Browser.setDownloadBehavior", json!({ "behavior": "deny" })).await;
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": TELL })).await;
    what_runs_is_seen(&browser, &elsewhere, &unprotected).await;

    let mut opened = 0;
    for (name, file) in files {
        let upload = Upload::new().file("photo", file);
        let answer = alice.send(alice.upload_request(upload).header("HX-Request", "true")).await;
        let Some(photo) = answer.photos().into_iter().next() else { continue };
        opened += 1;
        let token = alice.share(&photo, "link").await.unwrap();
        let paths = addresses(&photo, &token);
        let urls: Vec<_> = paths.iter().map(|path| format!("{}{path}", app.base())).collect();
        for url in &urls {
            // A download ends no visit.
            let _ = browser.goto(url).await;
            assert_quiet(&browser, &format!("{url} of {name}")).await;
        }
        browser.open("/hashtags").await;
        let shown: usize = browser.value_with(EMBED, json!({ "urls": urls, "tags": TAGS })).await;
        assert!(shown >= 8, "{shown} pictures of {name} are shown on a page of Lumina");
        assert_quiet(&browser, &format!("{name} on a page of Lumina")).await;
        browser.goto(elsewhere.at("/empty")).await.unwrap();
        let shown: usize = browser.value_with(EMBED, json!({ "urls": urls, "tags": TAGS })).await;
        assert!(shown >= 4, "{shown} pictures of {name} are shown elsewhere");
        assert_quiet(&browser, &format!("{name} elsewhere")).await;
    }
    println!("{opened} files opened");
    assert!(opened >= 4);
}

/// A site without any protection shows that the payloads do run, and that we would see it.
async fn what_runs_is_seen(browser: &Browser, elsewhere: &Elsewhere, unprotected: &Elsewhere) {
    browser.goto(unprotected.at("/page")).await.unwrap();
    assert!(!traces(browser).await.is_empty(), "opened");
    for (tag, path) in [("iframe", "/page"), ("object", "/page"), ("embed", "/page"), ("script", "/script")] {
        browser.goto(elsewhere.at("/empty")).await.unwrap();
        assert!(traces(browser).await.is_empty());
        browser.value_with::<usize>(EMBED, json!({ "urls": [unprotected.at(path)], "tags": [tag] })).await;
        assert!(!traces(browser).await.is_empty(), "{tag}");
    }
}

async fn assert_quiet(browser: &Browser, what: &str) {
    let traces = traces(browser).await;
    assert!(traces.is_empty(), "{what}: {traces:?}");
}

/// Where a payload has run since the last call: in the page, in its frames, or somewhere in them by the console.
async fn traces(browser: &Browser) -> Vec<String> {
    const RAN: &str = "window.__polyglot !== undefined";
    let console = browser.get_log("browser").await.unwrap().into_iter().map(|entry| entry.message);
    let mut traces: Vec<_> = console.filter(|message| message.contains("a polyglot runs")).collect();
    if browser.value::<bool>(RAN).await {
        traces.push("in the page".into());
    }
    for frame in 0..browser.count("iframe").await {
        browser.enter_frame(u16::try_from(frame).unwrap()).await.unwrap();
        if browser.value::<bool>(RAN).await {
            traces.push(format!("in frame {frame}"));
        }
        browser.enter_parent_frame().await.unwrap();
    }
    traces
}

/// Another site, which says of each file what it is not.
struct Elsewhere {
    port: u16,
}

impl Elsewhere {
    fn open() -> Self {
        let door = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = door.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in door.incoming().flatten() {
                // A browser opens connections that it then does not use.
                std::thread::spawn(move || answer(stream));
            }
        });
        Self { port }
    }

    fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

fn answer(mut stream: TcpStream) {
    let head: Vec<_> =
        BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let (content_type, body) = match path {
        "/page" => ("text/html", PAGE.to_vec()),
        "/script" => ("text/javascript", script_gif()),
        _ => ("text/html", b"<!doctype html><title>Elsewhere</title><body>".to_vec()),
    };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n", body.len());
    let _ = stream.write_all(&[head.as_bytes(), b"Connection: close\r\n\r\n", &body].concat());
}
