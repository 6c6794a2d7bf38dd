//! The bucket photos' bytes go to, when one is configured: the group `s3` of the settings.

use serde_json::json;
use url::Url;

use super::Secret;
use super::sources::Settings;

/// For storage of one's own, where the name matters little; nearly all take this one.
const USUAL_REGION: &str = "us-east-1";

/// A bucket of any S3-compatible storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Config {
    /// Its name.
    pub bucket_name: String,
    /// Who we are there.
    pub aws_access_key_id: Secret,
    /// What proves it.
    pub aws_secret_access_key: Secret,
    /// Part of every signature; for AWS also where the bucket is.
    pub region_name: String,
    /// Scheme, host, port and perhaps a path, without a slash at the end; `None`: AWS.
    pub endpoint_url: Option<String>,
    /// Whether the bucket stands in the path of its URLs, or in front of the host.
    pub path_style: bool,
    /// Where anyone may read the bucket's public objects, without a slash at the end.
    pub public_url: Option<String>,
}

impl S3Config {
    /// The settings of this group; `None` when none of them is set. What is wrong or missing goes on their list.
    pub(super) fn take_from(settings: &mut Settings) -> Option<Self> {
        if !settings.has_group("s3") {
            return None;
        }
        let mut s3 = Self {
            bucket_name: String::new(),
            aws_access_key_id: key(settings, "s3.aws_access_key_id", "a key's id, without spaces"),
            aws_secret_access_key: key(settings, "s3.aws_secret_access_key", "a key, without spaces"),
            region_name: USUAL_REGION.into(),
            endpoint_url: None,
            path_style: false,
            public_url: None,
        };
        for key in ["s3.bucket_name", "s3.aws_access_key_id", "s3.aws_secret_access_key"] {
            settings.require(key, "photos go to a bucket as soon as one setting of s3 is set");
        }
        settings.set(
            &mut s3.bucket_name,
            "s3.bucket_name",
            "the name of a bucket: letters, digits, dots, hyphens and underscores",
            |text| is_bucket(text).then(|| text.into()),
        );
        let web = |text: &str| url_without_slash(text).map(Some);
        settings.set(&mut s3.endpoint_url, "s3.endpoint_url", "http://HOST:PORT or https://HOST", web);
        settings.set(&mut s3.public_url, "s3.public_url", "http://HOST/PATH or https://HOST/PATH", web);
        if !settings.has("s3.endpoint_url") {
            settings.require(
                "s3.region_name",
                "without s3.endpoint_url the bucket is one of AWS, which is found by its region",
            );
        }
        settings.set(&mut s3.region_name, "s3.region_name", "the name of a region, such as eu-central-1", |text| {
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)).then(|| text.into())
        });
        // Few but AWS answer under BUCKET.HOST; and AWS's certificate is for one name before its own, not for a.b.
        s3.path_style = s3.endpoint_url.is_some() || s3.bucket_name.contains('.');
        settings.set(&mut s3.path_style, "s3.path_style", "true or false", |text| text.parse().ok());
        Some(s3)
    }

    /// Where requests go.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.endpoint_url.clone().unwrap_or_else(|| {
            let china = if self.region_name.starts_with("cn-") { ".cn" } else { "" };
            format!("https://s3.{}.amazonaws.com{china}", self.region_name)
        })
    }

    /// The settings in force, as YAML.
    pub(super) fn effective(&self) -> String {
        let optional = |url: &Option<String>| url.as_ref().map_or("null".to_owned(), |url| json!(url).to_string());
        format!(
            "s3:\n  bucket_name: {}\n  aws_access_key_id: {}\n  aws_secret_access_key: \"***\"\n  region_name: {}\n  \
             endpoint_url: {}\n  path_style: {}\n  public_url: {}\n",
            json!(self.bucket_name),
            json!(self.aws_access_key_id.begun()),
            json!(self.region_name),
            optional(&self.endpoint_url),
            self.path_style,
            optional(&self.public_url),
        )
    }
}

/// A part of the key; empty where it is missing or wrong, which is on the list of problems then.
fn key(settings: &mut Settings, name: &str, allowed: &str) -> Secret {
    let mut key = None;
    settings.set_secret(&mut key, name, allowed, |text| text.bytes().all(|byte| byte.is_ascii_graphic()));
    key.unwrap_or_else(|| Secret::new(""))
}

/// Wider than AWS's rule, which other storage does not keep; whatever passes needs no escaping in a URL.
fn is_bucket(text: &str) -> bool {
    text.len() <= 255
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
}

/// As the URL's parser writes it: a default port, which a signature must not name, is gone.
fn url_without_slash(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_bare =
        url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    (is_web && is_bare).then(|| url.as_str().trim_end_matches('/').to_owned())
}
