//! OpenID Connect providers: a real one, from npm, as a process; and one in here that lies when it is told to.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::support::TestApp;
use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, HttpServer, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use lumina::config::{OidcConfig, Secret};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What both providers know Lumina by.
pub fn config(issuer: &str) -> OidcConfig {
    OidcConfig {
        client_id: "lumina".into(),
        client_secret: Some(Secret::new("a secret of the client")),
        server_metadata_url: format!("{issuer}/.well-known/openid-configuration"),
        name: "Example".into(),
        link_verified_email: false,
    }
}

/// With a provider that nobody asks: for pages that show more with one.
pub async fn app_with_a_button() -> TestApp {
    TestApp::start_with(|it| it.oidc = Some(config("https://id.example"))).await
}

/// `oidc-provider` from npm. Ends when dropped, or when we do.
pub struct RealProvider {
    child: Child,
    /// Where it is.
    pub issuer: String,
}

impl RealProvider {
    /// Starts it for a Lumina at this origin.
    pub fn start(origin: &str) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/support/oidc");
        let installed = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("oidc-provider");
        let status = Command::new(here.join("install")).arg(&installed).status().expect("bash and npm: run ./dev test");
        assert!(status.success(), "the provider is not installed: run ./dev test");
        let callbacks = ["/login/oidc/callback", "/api/v1/auth/callback"].map(|path| format!("{origin}{path}"));
        let mut command = Command::new("node");
        command.arg(here.join("provider.mjs")).arg(installed.join("node_modules")).args(callbacks);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("node runs");
        let mut issuer = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut issuer).unwrap();
        assert!(issuer.starts_with("http"), "the provider did not start");
        Self { child, issuer: issuer.trim().to_owned() }
    }
}

impl Drop for RealProvider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A key of the provider's.
#[derive(Clone)]
struct Key {
    id: &'static str,
    der: Vec<u8>,
}

impl Key {
    fn new(id: &'static str) -> Self {
        // RFC 8410: an Ed25519 key is 32 random bytes behind this.
        let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
        der.extend(rand::random::<[u8; 32]>());
        Self { id, der }
    }

    fn public(&self) -> Value {
        let key = EncodingKey::from_ed_der(&self.der);
        let mut key = Jwk::from_encoding_key(&key, Algorithm::EdDSA).unwrap();
        key.common.key_id = Some(self.id.to_owned());
        serde_json::to_value(key).unwrap()
    }

    fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.to_owned()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_der(&self.der)).unwrap()
    }
}

/// What it lies about.
#[derive(Clone, Default)]
pub struct Lies {
    /// Claims laid over the true ones; null takes one away.
    pub claims: Vec<(&'static str, Value)>,
    /// Signed with a key that is not in its set.
    pub stolen_name: bool,
    /// The token as it is sent, made of the true one.
    pub bend: Option<fn(&str) -> String>,
    /// A code is good more than once, and whatever verifier comes along.
    pub careless: bool,
    /// More fields beside the tokens.
    pub beside_tokens: Vec<(&'static str, Value)>,
    /// It does not know the client.
    pub unknown_client: bool,
    /// User info is somebody else's.
    pub other_user_info: bool,
    /// What the metadata say the issuer is.
    pub metadata_issuer: Option<&'static str>,
    /// Answers nothing but this.
    pub down: Option<u16>,
}

#[derive(Default)]
struct Told {
    lies: Lies,
    codes: Vec<(String, String, String)>,
    keys: Vec<Key>,
    asked_for_keys: usize,
}

/// A provider in this process.
#[derive(Clone)]
pub struct LyingProvider {
    told: Arc<Mutex<Told>>,
    /// Where it is.
    pub issuer: String,
}

impl LyingProvider {
    /// Starts it; it tells the truth.
    pub async fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let told = Told { keys: vec![Key::new("one")], ..Told::default() };
        let provider = Self { told: Arc::new(Mutex::new(told)), issuer };
        let served = provider.clone();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let site = move || {
                    let provider = web::Data::new(served.clone());
                    actix_web::App::new().app_data(provider).default_service(web::to(LyingProvider::answer))
                };
                HttpServer::new(site).workers(1).disable_signals().listen(listener).unwrap().run().await.unwrap();
            });
        });
        provider
    }

    /// From now on it tells these lies.
    pub fn lie(&self, lies: Lies) {
        self.told.lock().unwrap().lies = lies;
    }

    /// Signs with another key from now on.
    pub fn rotate(&self) {
        self.told.lock().unwrap().keys = vec![Key::new("two")];
    }

    /// How often somebody wanted to know its keys.
    pub fn asked_for_keys(&self) -> usize {
        self.told.lock().unwrap().asked_for_keys
    }

    /// What somebody who was sent to `location` brings back: the query of the callback.
    pub fn let_in(&self, location: &str) -> String {
        let url = url::Url::parse(location).unwrap();
        let get = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        assert_eq!(get("client_id").as_deref(), Some("lumina"));
        assert_eq!(get("response_type").as_deref(), Some("code"));
        assert_eq!(get("code_challenge_method").as_deref(), Some("S256"));
        assert!(get("scope").unwrap().contains("openid"));
        let code = uuid::Uuid::new_v4().simple().to_string();
        let mut told = self.told.lock().unwrap();
        told.codes.push((code.clone(), get("nonce").unwrap(), get("code_challenge").unwrap()));
        format!("code={code}&state={}", get("state").unwrap())
    }

    async fn answer(provider: web::Data<Self>, request: actix_web::HttpRequest, body: web::Bytes) -> HttpResponse {
        let mut told = provider.told.lock().unwrap();
        if let Some(status) = told.lies.down {
            return HttpResponse::build(status.try_into().unwrap()).finish();
        }
        let issuer = &provider.issuer;
        let json = |value: Value| HttpResponse::Ok().content_type(ContentType::json()).body(value.to_string());
        match request.path() {
            "/.well-known/openid-configuration" => json(json!({
                "issuer": told.lies.metadata_issuer.unwrap_or(issuer),
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "userinfo_endpoint": format!("{issuer}/me"),
                "jwks_uri": format!("{issuer}/keys"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["EdDSA", "none", "HS256"],
            })),
            "/keys" => {
                told.asked_for_keys += 1;
                json(json!({ "keys": told.keys.iter().map(Key::public).collect::<Vec<_>>() }))
            }
            "/token" if told.lies.unknown_client => HttpResponse::Unauthorized()
                .content_type(ContentType::json())
                .body(json!({ "error": "invalid_client", "error_description": "no such client" }).to_string()),
            "/token" => match told.exchange(issuer, &body) {
                Some(token) => {
                    let mut tokens = json!({ "access_token": "at", "token_type": "Bearer", "id_token": token });
                    for (name, value) in &told.lies.beside_tokens {
                        tokens[*name] = value.clone();
                    }
                    json(tokens)
                }
                None => HttpResponse::BadRequest()
                    .content_type(ContentType::json())
                    .body(json!({ "error": "invalid_grant" }).to_string()),
            },
            "/me" => {
                let subject = if told.lies.other_user_info { "mallory" } else { "subject of erin" };
                json(
                    json!({ "sub": subject, "email": "erin@example.org", "email_verified": true, "preferred_username": "erin" }),
                )
            }
            _ => HttpResponse::NotFound().finish(),
        }
    }
}

impl Told {
    fn exchange(&mut self, issuer: &str, body: &[u8]) -> Option<String> {
        let form: Vec<(String, String)> = serde_urlencoded::from_bytes(body).unwrap();
        let get = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let at = self.codes.iter().position(|(code, ..)| Some(code.as_str()) == get("code"))?;
        let (_, nonce, challenge) = self.codes[at].clone();
        if !self.lies.careless {
            self.codes.remove(at);
            let proof = BASE64.encode(Sha256::digest(get("code_verifier")?));
            assert_eq!(proof, challenge, "the verifier belongs to the challenge");
        }
        let now = chrono::Utc::now().timestamp();
        let mut claims = json!({
            "iss": issuer, "aud": "lumina", "sub": "subject of erin", "nonce": nonce, "iat": now, "exp": now + 300,
            "email": "erin@example.org", "email_verified": true, "preferred_username": "erin", "name": "Erin Example",
        });
        for (name, value) in &self.lies.claims {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(*name)),
                value => claims[*name] = value.clone(),
            }
        }
        let key = if self.lies.stolen_name { Key::new(self.keys[0].id) } else { self.keys[0].clone() };
        let token = key.sign(&claims);
        Some(self.lies.bend.map_or_else(|| token.clone(), |bend| bend(&token)))
    }
}
