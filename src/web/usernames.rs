//! Usernames for people whom an OpenID Connect provider sends.

use crate::oidc::Person;
use crate::web::new_account::checked_username;

/// Valid usernames after what somebody is called, each less like it than the one before.
pub fn usernames(person: &Person) -> impl Iterator<Item = String> + use<> {
    let before_at = |text: &String| text.split('@').next().unwrap_or_default().to_owned();
    let preferred = person.preferred_username.as_ref().map(before_at);
    let wishes = [preferred, person.email.as_ref().map(before_at), person.name.clone()];
    let base = wishes.into_iter().flatten().map(|wish| plain(&wish)).find(|wish| !wish.is_empty());
    let base = base.unwrap_or_else(|| "user".to_owned());
    let (numbered, random) = (base.clone(), base.clone());
    let numbered = (2..=50).map(move |number| format!("{numbered}{number}"));
    // However many there are of that name.
    let random = std::iter::repeat_with(move || format!("{random}-{:08x}", rand::random::<u32>())).take(10);
    std::iter::once(base).chain(numbered).chain(random).filter(|name| checked_username(name).is_fine())
}

/// The letters and signs of a wish that a username may have, as many as leave room for a number.
fn plain(wish: &str) -> String {
    let joined = wish.split_whitespace().collect::<Vec<_>>().join(".");
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let kept: String = joined.chars().filter(allowed).take(40).collect();
    kept.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::usernames;
    use crate::oidc::Person;

    #[test]
    fn a_username_is_made_from_what_somebody_is_called() {
        for (preferred, email, name, expected) in [
            (Some("alice"), Some("a@example.org"), None, ["alice", "alice2"]),
            (Some("alice@corp.example"), None, None, ["alice", "alice2"]),
            (None, Some("bob.builder@example.org"), None, ["bob.builder", "bob.builder2"]),
            (None, None, Some("Maria Papadaki"), ["Maria.Papadaki", "Maria.Papadaki2"]),
            (Some("Ольга"), Some("olga@example.org"), None, ["olga", "olga2"]),
            (Some("al"), None, None, ["al2", "al3"]),
            (Some("..--"), None, Some("世界"), ["user", "user2"]),
            (None, None, None, ["user", "user2"]),
            (Some("<script>"), None, None, ["script", "script2"]),
        ] {
            let person = Person {
                issuer: String::new(),
                subject: String::new(),
                email: email.map(str::to_owned),
                email_verified: false,
                preferred_username: preferred.map(str::to_owned),
                name: name.map(str::to_owned),
                untold: None,
            };
            assert_eq!(usernames(&person).take(2).collect::<Vec<_>>(), expected);
            assert!(usernames(&person).count() > 50);
        }
    }

    #[test]
    fn long_names_leave_room_for_a_number() {
        let name = Some("x".repeat(300));
        let person = Person {
            issuer: String::new(),
            subject: String::new(),
            email: None,
            email_verified: false,
            preferred_username: name,
            name: None,
            untold: None,
        };
        assert!(usernames(&person).all(|name| name.len() <= 50));
    }
}
