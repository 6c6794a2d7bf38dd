//! What a photo says about itself: the few facts of its EXIF, XMP and IPTC data that Lumina keeps.
//!
//! All of it is written by anyone: nothing in it can make a photo fail. What is missing, malformed or absurd is simply not
//! known. At most [`LONGEST`] bytes of it are looked at, and reading takes time and memory by their number alone.

mod exposure;
mod file_name;
mod heif;
mod iptc;
mod names;
mod place;
mod spelling;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tiff;
mod time;
mod xmp;

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use chrono::{DateTime, Utc};
use image::metadata::Orientation;

pub use exposure::Exposure;
pub use file_name::date_in_name;
pub(super) use iptc::NAME as IPTC_NAME;
pub use place::Place;
use tiff::Tiff;

/// Most bytes of EXIF data looked at. JPEG can hold 64 KB; in other formats, makers' notes may fill some hundred.
pub(super) const LONGEST: u64 = 1 << 20;

/// Most bytes of XMP looked at.
pub(super) use xmp::LONGEST as LONGEST_XMP;

/// What a file says of itself, as it stands in there.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// EXIF data, a TIFF structure.
    pub exif: Option<Vec<u8>>,
    /// An XMP packet.
    pub xmp: Option<Vec<u8>>,
    /// Photoshop's resources, of which one is IPTC data.
    pub iptc: Option<Vec<u8>>,
}

/// What a photo says of itself. All of it comes from the file: escape the texts wherever they are shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// How to turn the stored pixels upright.
    pub(super) orientation: Orientation,
    /// When the photo was taken; as if the camera's clock showed UTC when [`utc_offset_minutes`](Self::utc_offset_minutes)
    /// is not known, so that adding it, or nothing, always gives the time that the clock showed.
    pub taken_at: Option<DateTime<Utc>>,
    /// How far ahead of UTC the camera's clock was: what it says itself, else what follows from the satellites' time.
    pub utc_offset_minutes: Option<i16>,
    /// Maker and model of the camera.
    pub camera: Option<String>,
    /// Maker and model of the lens.
    pub lens: Option<String>,
    /// Time, aperture, sensitivity and focal length.
    pub exposure: Exposure,
    /// Where the photo was taken: for its owner alone.
    pub place: Option<Place>,
}

impl Facts {
    /// The facts in what a JPEG, PNG or WebP says.
    pub fn read(said: &Said) -> Self {
        let chunk = said.exif.as_deref().unwrap_or_default();
        let exif = Tiff::open(longest(without_prefix(chunk)));
        let orientation = orientation(chunk);
        let camera = exif.as_ref().and_then(names::camera);
        let taken = time::taken_at(said, exif.as_ref(), camera.is_some(), Utc::now());
        Self {
            orientation,
            taken_at: taken.map(|(time, _)| time),
            utc_offset_minutes: taken.and_then(|(_, offset)| offset),
            camera,
            lens: exif.as_ref().and_then(names::lens),
            exposure: exif.as_ref().map(Exposure::read).unwrap_or_default(),
            place: exif.as_ref().and_then(place::place),
        }
    }

    /// The facts of the HEIC or AVIF photo at `path`. See [`of_container_in`](Self::of_container_in).
    pub fn of_container(path: &Path) -> Self {
        File::open(path)
            .map_or_else(|_| Self::read(&Said::default()), |file| Self::of_container_in(BufReader::new(file)))
    }

    /// The facts of a HEIC or AVIF photo. Its orientation is none, whatever EXIF says: there the container itself tells
    /// how to turn the pixels, and its decoder has done so (ISO/IEC 23008-12, section 6.5.10).
    pub fn of_container_in(file: impl Read + Seek) -> Self {
        Self { orientation: Orientation::NoTransforms, ..Self::read(&heif::said(file)) }
    }

    /// The upright size of a photo stored as `width` × `height`.
    pub fn upright(&self, width: u32, height: u32) -> (u32, u32) {
        turned(self.orientation, width, height)
    }
}

/// The size of what is stored as `width` × `height`, after this turn.
pub(super) fn turned(orientation: Orientation, width: u32, height: u32) -> (u32, u32) {
    match orientation {
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH => {
            (height, width)
        }
        _ => (width, height),
    }
}

/// How to turn the pixels that come with this EXIF data upright.
pub(super) fn orientation(chunk: &[u8]) -> Orientation {
    Orientation::from_exif_chunk(longest(without_prefix(chunk))).unwrap_or(Orientation::NoTransforms)
}

/// Whether the camera says that the colours are Adobe RGB: it does by an entry of two letters and a digit alone (DCF 2.0,
/// section 3.2).
pub(super) fn says_adobe_rgb(chunk: &[u8]) -> bool {
    const INDEX: tiff::Tag = (tiff::Folder::Interoperability, 1);
    Tiff::open(longest(without_prefix(chunk))).and_then(|exif| exif.text(INDEX)) == Some(b"R03")
}

/// Whether a photo looks otherwise without this EXIF data: turned, or in other colours.
pub(super) fn changes_pixels(chunk: &[u8]) -> bool {
    orientation(chunk) != Orientation::NoTransforms || says_adobe_rgb(chunk)
}

/// Some writers of WebP keep the prefix that only JPEG wants.
fn without_prefix(chunk: &[u8]) -> &[u8] {
    chunk.strip_prefix(b"Exif\0\0").unwrap_or(chunk)
}

fn longest(chunk: &[u8]) -> &[u8] {
    usize::try_from(LONGEST).ok().and_then(|longest| chunk.get(..longest)).unwrap_or(chunk)
}
