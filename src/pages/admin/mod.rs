//! The admin pages: who has an account, and who may make one. To everyone else they do not exist.

pub mod deletion;
pub mod invitations;
pub mod people;
pub mod person;
pub mod registration;

use crate::models::person::Person;
use crate::models::settings::Settings;
use crate::pages::room::Room;

/// How much room somebody's photos take, of how much.
fn room_of(person: &Person, settings: &Settings) -> Room {
    let allowed = person.user.quota_mib.or(settings.quota_mib).map(|mib| i64::from(mib) << 20);
    Room::of(person.bytes, allowed, person.photos)
}
