//! The address people type, which is not always the one we listen on (a proxy, a name, a forwarded port).

use std::net::SocketAddr;

use url::{Host, Url};

/// Where browsers find us: scheme, host and port, as browsers write it in an `Origin` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// `None` unless it is `http://host[:port]` or `https://host[:port]`, with or without a slash at the end.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let is_web = matches!(url.scheme(), "http" | "https");
        let is_bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        (is_web && is_bare).then(|| Self(url.origin().ascii_serialization()))
    }

    /// What to type for `bind`: `localhost` when it means this machine or all of its addresses, else the address
    /// itself.
    pub(super) fn of(bind: SocketAddr) -> Self {
        let ip = bind.ip();
        let text = if ip.is_loopback() || ip.is_unspecified() {
            format!("http://localhost:{}", bind.port())
        } else {
            format!("http://{bind}")
        };
        // Parsing drops a default port, which browsers do not send either.
        Self::parse(&text).unwrap_or(Self(text))
    }

    /// Is it encrypted (cookies are `Secure`, HSTS is sent)?
    pub fn https(&self) -> bool {
        self.0.starts_with("https:")
    }

    /// The host alone, as URLs have it: lower case, a name beyond ASCII as Punycode, an IPv6 address in brackets.
    pub fn host(&self) -> String {
        let url = Url::parse(&self.0).ok();
        url.as_ref().and_then(Url::host_str).unwrap_or_default().to_owned()
    }

    /// Whether only browsers on this machine can mean it: `localhost`, a name below it, or a loopback address.
    pub fn is_this_machine(&self) -> bool {
        match Url::parse(&self.0).as_ref().map(Url::host) {
            Ok(Some(Host::Domain(name))) => is_loopback_name(name),
            Ok(Some(Host::Ipv4(ip))) => ip.is_loopback(),
            Ok(Some(Host::Ipv6(ip))) => ip.is_loopback(),
            Ok(None) | Err(_) => false,
        }
    }

    /// Scheme, host and port; no slash at the end, no default port. A path may be appended to it.
    pub fn origin(&self) -> String {
        self.0.clone()
    }
}

/// Whether browsers look for a host of this name on their own machine (RFC 6761, 6.3).
pub fn is_loopback_name(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}
