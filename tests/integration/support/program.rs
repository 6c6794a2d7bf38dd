//! A program that logged in: it sends its access token along, and neither cookies nor `Origin`.

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use super::app::{PASSWORD, TestApp};
use super::client::{Answer, Client};
use super::upload::Upload;

/// The pair of tokens of one login.
#[derive(Clone)]
pub struct Program {
    client: Client,
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
}

impl Program {
    /// Logs in with [`PASSWORD`].
    pub async fn log_in(app: &TestApp, login: &str) -> Self {
        let client = app.visitor();
        let answer = client.send(client.json(Method::POST, "/api/v1/auth/token", &credentials(login, PASSWORD))).await;
        Self::of(client, &answer.assert_status(200))
    }

    fn of(client: Client, answer: &Answer) -> Self {
        let pair = answer.json();
        let text = |name: &str| pair[name].as_str().unwrap().to_owned();
        Self { client, access: text("access_token"), refresh: text("refresh_token") }
    }

    /// With another access token.
    pub fn with_access(&self, access: &str) -> Self {
        Self { access: access.to_owned(), ..self.clone() }
    }

    /// A request with the access token.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, path).header(AUTHORIZATION, format!("Bearer {}", self.access))
    }

    /// Sends a request.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        self.client.send(request).await
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// POST or PATCH of JSON.
    pub async fn json(&self, method: Method, path: &str, body: &Value) -> Answer {
        let request = self.request(method, path).header(CONTENT_TYPE, "application/json");
        self.send(request.body(body.to_string())).await
    }

    /// POST of an upload.
    pub async fn upload(&self, upload: Upload) -> Answer {
        let request = self.request(Method::POST, "/api/v1/photos/").header(CONTENT_TYPE, Upload::content_type());
        self.send(request.body(upload.into_body())).await
    }

    /// Shows a refresh token.
    pub async fn refresh(&self, token: &str) -> Answer {
        let body = json!({ "refresh_token": token });
        self.send(self.client.json(Method::POST, "/api/v1/auth/refresh", &body)).await
    }

    /// The next pair.
    pub async fn refreshed(&self) -> Self {
        Self::of(self.client.clone(), &self.refresh(&self.refresh).await.assert_status(200))
    }

    /// Whether the access token is good.
    pub async fn is_in(&self) -> bool {
        match self.get("/api/v1/auth/me").await {
            answer if answer.status == 200 => true,
            answer if answer.status == 401 => {
                assert!(answer.header("www-authenticate").starts_with("Bearer"), "{answer:?}");
                false
            }
            answer => panic!("neither in nor out: {answer:?}"),
        }
    }
}

/// The body of a login.
pub fn credentials(login: &str, password: &str) -> Value {
    json!({ "username": login, "password": password })
}
