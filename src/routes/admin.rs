//! Links within the admin pages.

use super::encoded;

/// Everybody with an account.
pub fn people() -> &'static str {
    "/admin/people"
}

/// A page of people: those with `q` in their name, from the one after `after` on.
pub fn people_page(q: &str, after: &str) -> String {
    format!("/admin/people?q={}&after={}", encoded(q), encoded(after))
}

/// One person.
pub fn person(id: i64) -> String {
    format!("/admin/people/{id}")
}

/// Change what somebody may do (POST).
pub fn role(id: i64) -> String {
    format!("/admin/people/{id}/role")
}

/// Change how much somebody may keep (POST).
pub fn quota(id: i64) -> String {
    format!("/admin/people/{id}/quota")
}

/// Change somebody's email address (POST).
pub fn email(id: i64) -> String {
    format!("/admin/people/{id}/email")
}

/// Delete an account: what goes with it; to do it, POST.
pub fn delete(id: i64) -> String {
    format!("/admin/people/{id}/delete")
}

/// Disable an account (POST).
pub fn disable(id: i64) -> String {
    format!("/admin/people/{id}/disable")
}

/// Enable an account again (POST).
pub fn enable(id: i64) -> String {
    format!("/admin/people/{id}/enable")
}

/// Who may make an account; to change that, POST.
pub fn registration() -> &'static str {
    "/admin/registration"
}

/// Make an invitation link (POST).
pub fn invitations() -> &'static str {
    "/admin/invitations"
}

/// Take an invitation back (POST).
pub fn revoke_invitation(id: &str) -> String {
    format!("/admin/invitations/{id}/revoke")
}

/// Where somebody who is invited makes an account.
pub fn invitation(secret: &str) -> String {
    format!("/register?invitation={secret}")
}
