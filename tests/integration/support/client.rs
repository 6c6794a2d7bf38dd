//! A browser without JavaScript, as far as HTTP is concerned: keeps cookies, follows nothing, and sends `Origin` along with
//! what may change something. Its cookies lie open, so that tests can copy and bend them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};

use super::app::PASSWORD;
use super::upload::Upload;

/// One device of somebody.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    origin: String,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
}

/// A photo somebody uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Photo {
    /// As it stands in URLs.
    pub id: String,
}

impl Photo {
    /// Its page.
    pub fn page(&self) -> String {
        format!("/photos/{}", self.id)
    }

    /// What is served of it below its page: `original`, `small`, `large`; or done to it: `delete`, `restore`.
    pub fn at(&self, what: &str) -> String {
        format!("/photos/{}/{what}", self.id)
    }
}

impl Client {
    /// A device that talks to `base` and says it is on a page of `origin`.
    pub fn new(base: &str, origin: &str) -> Self {
        Self::at(None, base, origin)
    }

    /// The same from one of this machine's addresses.
    pub fn at(address: Option<std::net::IpAddr>, base: &str, origin: &str) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        let http = http.local_address(address);
        // The server ends connections that rest for 5 s, which goes unnoticed while a test is busy with something else.
        let http = http.pool_idle_timeout(Duration::from_secs(2)).build().unwrap();
        Self { http, base: base.into(), origin: origin.into(), cookies: Arc::default() }
    }

    /// Somebody who is not signed in, from one of this machine's addresses.
    pub fn stranger_at(&self, address: std::net::IpAddr) -> Self {
        Self::at(Some(address), &self.base, &self.origin)
    }

    /// A bare request to a path, with the cookies and nothing else.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let cookies = self.cookies.lock().unwrap();
        let cookies: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.http.request(method, format!("{}{path}", self.base));
        if cookies.is_empty() { request } else { request.header(COOKIE, cookies.join("; ")) }
    }

    /// Sends a request and keeps the cookies of the answer.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        self.try_send(request).await.unwrap()
    }

    /// The same where no answer may come.
    pub async fn try_send(&self, request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.send().await?;
        for cookie in response.headers().get_all(SET_COOKIE) {
            let text = cookie.to_str().unwrap();
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            let mut cookies = self.cookies.lock().unwrap();
            match text.to_lowercase().contains("max-age=0") {
                true => cookies.remove(name),
                false => cookies.insert(name.into(), value.into()),
            };
        }
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            bytes: response.bytes().await?.to_vec(),
        })
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// GET with more headers.
    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = self.request(Method::GET, path);
        self.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    /// POST of a form from a page of Lumina; a name may come more than once.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(self.form(path, fields)).await
    }

    /// The same by a script (htmx or our own).
    pub async fn post_by_script(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(self.form(path, fields).header("HX-Request", "true")).await
    }

    /// A POST of a form, not yet sent.
    pub fn form(&self, path: &str, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
        self.request(Method::POST, path).header(ORIGIN, &self.origin).form(fields)
    }

    /// A request with a JSON body, not yet sent.
    pub fn json(&self, method: Method, path: &str, body: &serde_json::Value) -> reqwest::RequestBuilder {
        let request = self.request(method, path).header(ORIGIN, &self.origin);
        request.header(CONTENT_TYPE, "application/json").body(body.to_string())
    }

    /// POST of an upload as a page's form sends it.
    pub async fn post_upload(&self, upload: Upload) -> Answer {
        self.send(self.upload_request(upload)).await
    }

    /// An upload, not yet sent.
    pub fn upload_request(&self, upload: Upload) -> reqwest::RequestBuilder {
        self.upload_to("/photos", upload)
    }

    /// The same elsewhere.
    pub fn upload_to(&self, path: &str, upload: Upload) -> reqwest::RequestBuilder {
        let request = self.request(Method::POST, path).header(ORIGIN, &self.origin);
        request.header(CONTENT_TYPE, Upload::content_type()).body(upload.into_body())
    }

    /// Uploads one photo by script, as `photo.jpg`, without hashtags.
    pub async fn upload(&self, bytes: impl Into<Vec<u8>>) -> Photo {
        self.upload_tagged(bytes, "").await
    }

    /// Uploads one photo by script with hashtags.
    pub async fn upload_tagged(&self, bytes: impl Into<Vec<u8>>, hashtags: &str) -> Photo {
        let upload = Upload::new().hashtags(hashtags).file("photo.jpg", bytes);
        let answer = self.send(self.upload_request(upload).header("HX-Request", "true")).await;
        answer.assert_status(200).photos().into_iter().next().expect("a card in the answer")
    }

    /// Registers as `name` with `name@example.org` and [`PASSWORD`].
    pub async fn register(&self, name: &str) -> Answer {
        self.register_with(name, "").await
    }

    /// The same with the secret of an invitation or setup link.
    pub async fn register_with(&self, name: &str, secret: &str) -> Answer {
        let email = format!("{name}@example.org");
        let form = [("username", name), ("email", &email), ("password", PASSWORD), ("invitation", secret)];
        self.post("/register", &form).await
    }

    /// Logs in.
    pub async fn log_in(&self, login: &str, password: &str) -> Answer {
        self.post("/login", &[("username", login), ("password", password)]).await
    }

    /// Makes a photo private, link or public; answers the secret of its link, if it has one.
    pub async fn share(&self, photo: &Photo, visibility: &str) -> Option<String> {
        self.post(&photo.page(), &[("visibility", visibility)]).await.assert_status(303);
        let page = self.get(&photo.page()).await.assert_status(200).text();
        page.split_once("/s/").map(|(_, rest)| rest.chars().take_while(char::is_ascii_alphanumeric).collect())
    }

    /// Whether this device is signed in, by what the start page does.
    pub async fn is_signed_in(&self) -> bool {
        match self.get("/photos").await {
            answer if answer.status == 200 => true,
            answer if answer.status == 303 && answer.location().starts_with("/login") => false,
            answer => panic!("neither in nor out: {answer:?}"),
        }
    }

    /// A thief's device with the same cookies, from now on apart.
    pub fn copied(&self) -> Self {
        let cookies = self.cookies.lock().unwrap().clone();
        Self { cookies: Arc::new(Mutex::new(cookies)), ..self.clone() }
    }

    /// A cookie's value.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    /// Sets a cookie by hand.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.lock().unwrap().insert(name.into(), value.into());
    }

    /// The same device towards another instance behind the same public address.
    pub fn through(&self, base: &str) -> Self {
        Self { base: base.into(), ..self.clone() }
    }

    /// The same cookies towards another address (after a restart).
    pub fn moved_to(&self, app: &super::app::TestApp) -> Self {
        Self { base: app.base().into(), origin: app.origin(), ..self.clone() }
    }

    /// The same cookies towards another address, which is also the origin.
    pub fn moved_to_base(&self, base: &str) -> Self {
        Self { base: base.into(), origin: base.into(), ..self.clone() }
    }
}

/// What came back.
#[derive(Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// Ends the test when the status is another.
    #[track_caller]
    pub fn assert_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// Ends the test unless the body has this text, HTML's escapes undone.
    #[track_caller]
    pub fn assert_says(self, text: &str) -> Self {
        assert!(self.text().contains(text), "{text:?} is missing in {self:?}");
        self
    }

    /// Ends the test if the body has this text.
    #[track_caller]
    pub fn assert_silent_about(self, text: &str) -> Self {
        assert!(!self.text().contains(text), "{text:?} is in {self:?}");
        self
    }

    /// Ends the test unless the page shows the cards of exactly these photos, in this order.
    #[track_caller]
    pub fn assert_photos(self, expected: &[&Photo]) -> Self {
        assert_eq!(self.photos().iter().collect::<Vec<_>>(), expected, "{self:?}");
        self
    }

    /// A header's text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Where it leads.
    pub fn location(&self) -> &str {
        self.header(LOCATION.as_str())
    }

    /// The body as it came.
    pub fn html(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The body with HTML's escapes undone.
    pub fn text(&self) -> String {
        let mut text = self.html();
        for (escape, plain) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#34;", "\""), ("&#39;", "'")] {
            text = text.replace(escape, plain);
        }
        text.replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&").replace("&amp;", "&")
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The photos whose cards are in the page, in its order.
    pub fn photos(&self) -> Vec<Photo> {
        self.attributes("data-id").into_iter().map(|id| Photo { id }).collect()
    }

    /// The values of an attribute, in the order of the page, escapes undone.
    pub fn attributes(&self, name: &str) -> Vec<String> {
        let (text, start) = (self.html(), format!(" {name}=\""));
        let values = text.split(&start).skip(1).filter_map(|rest| rest.split('"').next());
        values.map(|value| value.replace("&#38;", "&").replace("&amp;", "&")).collect()
    }

    /// The inputs that a browser would send of the first form with this action.
    pub fn form(&self, action: &str) -> Vec<(String, String)> {
        let html = self.text();
        let Some((_, form)) = html.split_once(&format!(" action=\"{action}\"")) else { panic!("no form for {action}") };
        let form = form.split("</form>").next().unwrap_or_default();
        let attribute = |tag: &str, name: &str| {
            tag.split_once(&format!(" {name}=\"")).and_then(|(_, rest)| Some(rest.split_once('"')?.0.to_owned()))
        };
        let inputs = form.split("<input").skip(1).map(|rest| rest.split('>').next().unwrap_or_default());
        let sent = inputs.filter(|tag| {
            let chosen = ["radio", "checkbox"].map(|kind| tag.contains(&format!("type=\"{kind}\"")));
            !chosen.contains(&true) || tag.contains(" checked")
        });
        sent.filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default()))).collect()
    }

    /// Whether the first form with this action only asks for a page.
    pub fn is_get_form(&self, action: &str) -> bool {
        let html = self.text();
        html.split("<form").any(|tag| {
            let tag = tag.split('>').next().unwrap_or_default();
            tag.contains(&format!(" action=\"{action}\"")) && tag.contains("method=\"get\"")
        })
    }

    /// The value that the first input of this name holds, the page's frame left out.
    pub fn field(&self, name: &str) -> String {
        let html = self.text();
        let main = html.split_once("<main").map_or(html.as_str(), |(_, main)| main);
        let tag = main.split("<input").find(|tag| tag.contains(&format!(" name=\"{name}\""))).unwrap_or_default();
        tag.split(" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let html = self.html();
        // Of a page, what is between the frame's header and footer tells most.
        let body = html.split_once("<main").map_or(html.as_str(), |(_, main)| main);
        write!(f, "{} {:#?}\n{}", self.status, self.headers, body.chars().take(3000).collect::<String>())
    }
}
