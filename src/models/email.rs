//! When two spellings of an email address are one.

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization;
use url::Host;

/// What is equal for all spellings of an address: capital letters, composed and decomposed ones, wide ones, and the domain as
/// Punycode. Two accounts cannot have the same. That two
/// addresses have one key is no reason to let somebody in: to a mail server they may be two.
#[must_use]
pub fn key(email: &str) -> String {
    let (name, domain) = email.rsplit_once('@').unwrap_or((email, ""));
    let domain = match Host::parse(domain) {
        Ok(Host::Domain(ascii)) => ascii,
        Ok(Host::Ipv4(_) | Host::Ipv6(_)) | Err(_) => folded(domain),
    };
    format!("{}@{domain}", folded(name))
}

fn folded(text: &str) -> String {
    let normal: String = text.nfkc().collect();
    UniCase::unicode(normal).to_folded_case().nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn spellings_of_one_address_have_one_key() {
        let same = [
            ("maria@example.org", "MARIA@Example.ORG"),
            ("élan@x.org", "Élan@x.org"),
            ("élan@x.org", "E\u{301}LAN@X.ORG"),
            ("straße@x.org", "STRASSE@x.org"),
            ("a@münchen.example", "A@xn--mnchen-3ya.example"),
            ("ａ@x.org", "a@x.org"),
            ("ΝΊΚΟΣ@x.org", "νίκος@x.org"),
        ];
        for (one, other) in same {
            assert_eq!(key(one), key(other), "{one} {other}");
        }
        assert_ne!(key("elan@x.org"), key("élan@x.org"));
        assert_ne!(key("a@x.org"), key("a@y.org"));
    }
}
