//! Photos as every page shows them: cards under month headings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Utc};

use crate::app::AppState;
use crate::media::{RenditionName, placeholder};
use crate::models::gallery::Listed;
use crate::models::{Cursor, DateSource, Photo, Visibility};
use crate::routes;

/// Photos a page of a gallery.
pub const PAGE: usize = 60;

/// One photo in a gallery.
pub struct Card {
    /// Its id; for visitors its link's secret, since an id tells when a photo was uploaded.
    pub id: String,
    /// Its page, with the filter it was found by.
    pub href: String,
    /// In place of the picture.
    pub alt: String,
    /// May be empty.
    pub title: String,
    /// Without `#`.
    pub hashtags: Vec<String>,
    /// In pixels, upright.
    pub width: u32,
    /// In pixels, upright.
    pub height: u32,
    /// The number of its class in `ratios.css`.
    pub ratio: u16,
    /// Shown until the picture has come.
    pub blur: Blur,
    /// For the gallery.
    pub small: Rendition,
    /// For dense screens.
    pub medium: Rendition,
    /// Whether the photo's page shows it moving.
    pub animated: bool,
    /// Whether anyone but the owner may see it.
    pub shared: bool,
    /// It was just sent once more.
    pub already_here: bool,
}

/// What is shown of a photo until its bytes have come.
pub struct Blur {
    /// The average colour, as CSS and SVG write it.
    pub colour: String,
    /// A ThumbHash in base64, for `thumbhash.js`. May be empty.
    pub hash: String,
}

/// Where a rendition is, and its size in pixels.
pub struct Rendition {
    /// Where.
    pub url: String,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

/// Photos taken in one month.
pub struct Month {
    /// Such as "July 2026"; `None` when the page before ended in the same month.
    pub heading: Option<String>,
    /// Newest first.
    pub cards: Vec<Card>,
}

/// A hashtag that can be clicked.
pub struct Chip {
    /// Without `#`.
    pub name: String,
    /// Where it leads.
    pub href: String,
    /// How many photos carry it, where that is known.
    pub photos: Option<i64>,
}

impl Rendition {
    /// Of a photo that is served by its id.
    #[must_use]
    pub fn of(photo: &Photo, name: RenditionName) -> Self {
        Self::at(routes::rendition(&photo.id.to_string(), name.as_str(), photo.renditions_version), photo, name)
    }

    /// Of a photo that has a link, for its visitors: from the CDN, if there is one and it has it, or by the link.
    #[must_use]
    pub fn shared(state: &AppState, photo: &Photo, token: &str, name: RenditionName) -> Self {
        let by_link = || routes::shared_rendition(token, name.as_str());
        Self::at(state.on_cdn(photo, name).unwrap_or_else(by_link), photo, name)
    }

    /// Of a photo, served elsewhere.
    #[must_use]
    pub fn at(url: String, photo: &Photo, name: RenditionName) -> Self {
        let (width, height) = size(photo);
        let (width, height) = name.fitted(width, height);
        Self { url, width, height }
    }
}

/// In pixels; the database holds positive numbers only.
#[must_use]
pub fn size(photo: &Photo) -> (u32, u32) {
    (photo.width.unsigned_abs(), photo.height.unsigned_abs())
}

impl Card {
    /// For visitors: of a photo that has a link, at which everything of it is.
    #[must_use]
    pub fn shared(state: &AppState, photo: &Photo, hashtags: Vec<String>) -> Self {
        let token = photo.share_token.clone().unwrap_or_default();
        let rendition = |name: RenditionName| Rendition::shared(state, photo, &token, name);
        let (small, medium) = (rendition(RenditionName::Small), rendition(RenditionName::Medium));
        let card = Self::new(photo, hashtags, routes::shared_photo(&token));
        Self { id: token, small, medium, ..card }
    }

    /// For the owner. `href` is where a click leads.
    #[must_use]
    pub fn new(photo: &Photo, hashtags: Vec<String>, href: String) -> Self {
        let (width, height) = size(photo);
        Self {
            id: photo.id.to_string(),
            href,
            alt: alt(photo, &hashtags),
            title: photo.title.clone(),
            hashtags,
            width,
            height,
            ratio: ratio_class(width, height),
            blur: Blur::of(photo),
            small: Rendition::of(photo, RenditionName::Small),
            medium: Rendition::of(photo, RenditionName::Medium),
            animated: photo.animated,
            shared: photo.visibility() != Visibility::Private,
            already_here: false,
        }
    }
}

impl Blur {
    /// Of a photo.
    #[must_use]
    pub fn of(photo: &Photo) -> Self {
        Self {
            colour: format!("#{:06x}", placeholder::average_colour(&photo.placeholder)),
            hash: BASE64.encode(&photo.placeholder),
        }
    }
}

/// What a page says where nothing tells the date. The time of an upload is none: it may be decades later.
pub const DATE_UNKNOWN: &str = "Date unknown";

/// The day it was taken, as far as anything tells it.
#[must_use]
pub fn day_taken(photo: &Photo) -> Option<String> {
    (photo.date_source() != DateSource::Nothing).then(|| day(local_time(photo)))
}

/// What stands in place of the picture: the title, else hashtags and date.
#[must_use]
pub fn alt(photo: &Photo, hashtags: &[String]) -> String {
    if !photo.title.is_empty() {
        return photo.title.clone();
    }
    let names: Vec<_> = hashtags.iter().map(|name| format!("#{name}")).collect();
    let what = if names.is_empty() { "Photo".to_owned() } else { names.join(" ") };
    match day_taken(photo) {
        Some(day) => format!("{what}, {day}"),
        None => what,
    }
}

/// What the clock showed where the photo was taken, as far as the file says; else that of the camera, or UTC.
#[must_use]
pub fn local_time(photo: &Photo) -> NaiveDateTime {
    local(photo.taken_at, photo.utc_offset_minutes.unwrap_or_default())
}

fn local(at: DateTime<Utc>, utc_offset_minutes: i16) -> NaiveDateTime {
    at.naive_utc() + TimeDelta::minutes(utc_offset_minutes.into())
}

/// Such as "4 July 2026".
#[must_use]
pub fn day(at: NaiveDateTime) -> String {
    at.format("%-d %B %Y").to_string()
}

/// Such as "4 July 2026, 18:03".
#[must_use]
pub fn minute(at: NaiveDateTime) -> String {
    at.format("%-d %B %Y, %H:%M").to_string()
}

/// The class in `ratios.css` for this shape. Its steps of 2 % are too small to see; what is outside 1:5 to 5:1 is cut.
fn ratio_class(width: u32, height: u32) -> u16 {
    let steps = (f64::from(width) / f64::from(height)).ln() * 50.0 + 100.0;
    // In range for any two positive numbers, so the cast cannot cut.
    steps.round().clamp(20.0, 180.0) as u16
}

/// Puts a page of photos under month headings. `before` is the cursor the page began at: a month that goes on from the
/// page before has no second heading.
#[must_use]
pub fn months(listed: Vec<Listed>, before: Option<Cursor>, card: impl Fn(&Photo, Vec<String>) -> Card) -> Vec<Month> {
    let month = |at: NaiveDateTime| (at.year(), at.month());
    let mut current = before.map(|cursor| month(local(cursor.taken_at, cursor.utc_offset_minutes)));
    let mut months: Vec<Month> = Vec::new();
    for (photo, hashtags) in listed {
        let card = card(&photo, hashtags);
        let taken = local_time(&photo);
        // Photos stand in the order in which they were taken, wherever that was. One from behind the date line would open
        // the month before last once more.
        let goes_on = current.is_some_and(|current| current <= month(taken));
        match months.last_mut() {
            Some(last) if goes_on => last.cards.push(card),
            _ => {
                let heading = (!goes_on).then(|| taken.format("%B %Y").to_string());
                months.push(Month { heading, cards: vec![card] });
            }
        }
        if !goes_on {
            current = Some(month(taken));
        }
    }
    months
}
