//! The OpenID Connect provider people may log in with, when one is configured: the group `oidc` of the settings.

use serde_json::json;
use url::Url;

use super::Secret;
use super::sources::Settings;

/// What stands behind a provider's issuer in the address of its metadata (OpenID Connect Discovery 1.0, 4).
pub const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// A provider, and who we are to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcConfig {
    /// Who we are.
    pub client_id: String,
    /// What proves it; `None` for a public client.
    pub client_secret: Option<Secret>,
    /// Where the provider describes itself; ends in [`WELL_KNOWN`].
    pub server_metadata_url: String,
    /// What people call it: “Log in with …”.
    pub name: String,
    /// Whether who has an account already may come in by the same email address, when the provider says that it is theirs.
    pub link_verified_email: bool,
}

impl OidcConfig {
    /// The settings of this group; `None` when none of them is set. What is wrong or missing goes on their list.
    pub(super) fn take_from(settings: &mut Settings) -> Option<Self> {
        if !settings.has_group("oidc") {
            return None;
        }
        let mut oidc = Self {
            client_id: String::new(),
            client_secret: None,
            server_metadata_url: String::new(),
            name: String::new(),
            link_verified_email: false,
        };
        for key in ["oidc.client_id", "oidc.server_metadata_url"] {
            settings.require(key, "people log in with a provider as soon as one setting of oidc is set");
        }
        let visible = |text: &str| (!text.is_empty() && !text.chars().any(char::is_control)).then(|| text.to_owned());
        settings.set(&mut oidc.client_id, "oidc.client_id", "the id that the provider knows Lumina by", visible);
        settings.set_secret(&mut oidc.client_secret, "oidc.client_secret", "the secret that goes with it", |text| {
            visible(text).is_some()
        });
        settings.set(
            &mut oidc.server_metadata_url,
            "oidc.server_metadata_url",
            "https://PROVIDER, or https://PROVIDER/.well-known/openid-configuration",
            metadata_url,
        );
        let host = Url::parse(&oidc.server_metadata_url).ok().and_then(|url| url.host_str().map(str::to_owned));
        oidc.name = host.unwrap_or_default();
        settings.set(&mut oidc.name, "oidc.name", "what people call the provider, at most 40 characters", |text| {
            visible(text).filter(|text| text.chars().count() <= 40)
        });
        settings
            .set(&mut oidc.link_verified_email, "oidc.link_verified_email", "true or false", |text| text.parse().ok());
        Some(oidc)
    }

    /// The settings in force, as YAML.
    pub(super) fn effective(&self) -> String {
        format!(
            "oidc:\n  client_id: {}\n  client_secret: {}\n  server_metadata_url: {}\n  name: {}\n  \
             link_verified_email: {}\n",
            json!(self.client_id),
            json!(self.client_secret.as_ref().map(|_| "***")),
            json!(self.server_metadata_url),
            json!(self.name),
            self.link_verified_email,
        )
    }
}

/// The address of the metadata, from itself or from the issuer's.
fn metadata_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_bare = url.query().is_none() && url.fragment().is_none() && url.password().is_none();
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty();
    let issuer = url.as_str().trim_end_matches('/').trim_end_matches(WELL_KNOWN).trim_end_matches('/').to_owned();
    (is_bare && is_web).then(|| format!("{issuer}{WELL_KNOWN}"))
}
