//! What the header of a HEIC or AVIF file says, read before any decoder sees the file.
//!
//! The decoder is a program of its own with limits of its own; so that it need not be started for a bomb, the size of
//! the picture is read here first. Boxes: ISO/IEC 14496-12; items and properties: ISO/IEC 23008-12 (HEIF), 6.5.
//!
//! What it promises, for any file: at most [`MOST_BYTES`] are read, boxes are followed to a fixed depth, work and memory
//! grow with those bytes alone, and whatever does not hold together is [`MediaError::Damaged`].

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::av1;
use super::headers::check_size;
use super::heif_boxes::Cursor;
use super::heif_meta::{FREE, Meta};
use super::{Limits, MediaError};

/// Longest `meta` box. An iPhone's has 5 to 20 KB; a colour profile may come on top, and those of printing presses have
/// up to 2.7 MB. One of more than 4 MiB is looked at nowhere. What else there is has a bound of its own in [`Meta::read`].
pub(super) const MOST_BYTES: u64 = 5 << 20;

/// Most boxes before `meta`, which stands second or third.
const MOST_BOXES: usize = 32;

/// How far from the file's beginning brands are looked at.
const MOST_BRANDS: u64 = 1024;

/// How many times the pixels of the picture may be decoded on the way: its tiles reach past its edge, then there are
/// transparency and a gain map.
const MOST_OVER: u64 = 4;

/// Colours by numbers instead of a profile (ITU-T H.273): 1 and 13 are sRGB, 12 and 13 Display P3, 9 and 16 HDR10.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cicp {
    /// Where red, green, blue and white lie.
    pub primaries: u16,
    /// How light follows from a number.
    pub transfer: u16,
}

/// How lightness and colour differences are coded (ITU-T H.273, 8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coding {
    /// How they make red, green and blue.
    pub matrix: u16,
    /// Whether black is 0 and white 255, rather than 16 and 235.
    pub full_range: bool,
}

impl Coding {
    /// The matrix that says nothing.
    pub(super) const UNSAID: u16 = 2;
}

/// Bytes to be put in place of others, in the decoder's copy of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub at: u64,
    pub bytes: Vec<u8>,
}

impl Edit {
    /// Another type for the box or brand there.
    pub(super) fn kind(at: u64, kind: [u8; 4]) -> Self {
        Self { at, bytes: kind.to_vec() }
    }
}

/// What is known of the picture before it is decoded.
#[derive(Clone, Debug)]
pub struct Header {
    /// Width in pixels as stored.
    pub width: u32,
    /// Height in pixels as stored.
    pub height: u32,
    /// Whether it lies on its side, so that upright its width is [`Header::height`].
    pub turned: bool,
    /// More than eight bits a channel.
    pub deep: bool,
    /// Its colours by number, which a profile goes before.
    pub cicp: Option<Cicp>,
    /// Its ICC profile.
    pub profile: Option<Vec<u8>>,
    /// How its pixels are coded, where they are as plain as can be: AV1 in one piece, without transparency, of 8 bits, a
    /// pair of colour differences for four pixels.
    pub plain: Option<Coding>,
    /// Pixels that the decoder makes on the way: tiles, transparency, the picture itself.
    pub(super) work: u64,
    /// What makes a copy of the file one that old decoders read, with the primary image alone in it: other images hidden, no
    /// image that adds to it but what makes it transparent, no profile (its reader applies that), no film, usual brands.
    pub(super) edits: Vec<Edit>,
    /// Whether data of the picture would be behind the file's end.
    pub(super) cut_off: bool,
    /// How the primary image is coded, or what it is made of.
    pub(super) codec: [u8; 4],
}

impl Header {
    /// Memory that the decoder's process really takes, for whoever shares memory out among photos: 103 MB were measured
    /// at 12 megapixels, 320 MB at 48, 1701 MB at 289.
    pub fn decoder_bytes(&self) -> u64 {
        let sample = if self.deep { 2 } else { 1 };
        (32 << 20) + 7 * sample * self.work
    }

    /// Refuses what is beyond the limits.
    ///
    /// # Errors
    /// [`MediaError::TooManyPixels`] and [`MediaError::TooLong`]; [`MediaError::Damaged`] when it has no pixels, or
    /// parts out of all proportion.
    pub fn check(&self, limits: Limits) -> Result<(), MediaError> {
        check_size(self.width, self.height, if self.deep { 8 } else { 4 }, limits)?;
        let pixels = u64::from(self.width) * u64::from(self.height);
        // Small pictures come in whole tiles: 512 × 512.
        if self.work > MOST_OVER * pixels.max(1 << 20) { Err(MediaError::Damaged) } else { Ok(()) }
    }
}

/// Reads the header of the HEIC or AVIF file at `path`.
///
/// # Errors
/// [`MediaError::Damaged`]; [`MediaError::RareKind`] for a film without a photo; [`MediaError::Internal`] when the file
/// cannot be read at all.
pub fn read_header(path: &Path) -> Result<Header, MediaError> {
    let file = File::open(path).map_err(MediaError::Internal)?;
    let end = file.metadata().map_err(MediaError::Internal)?.len();
    read_from(&mut BufReader::new(file), end)
}

/// As [`read_header`], of a file of this length.
pub(super) fn read_from(file: &mut (impl Read + Seek), end: u64) -> Result<Header, MediaError> {
    let Boxes { meta, brands, films } = top_boxes(file, end)?;
    let no_photo = || match films.as_slice() {
        [] => MediaError::Damaged,
        // Image sequences of phones and encoders: the film's frames are all there is.
        _ => MediaError::RareKind { what: "a HEIC or AVIF film without a photo of its own" },
    };
    let (meta, at) = meta.ok_or_else(no_photo)?;
    let meta = Meta::read(Cursor::new(&meta, at)).ok_or(MediaError::Damaged)?;
    let mut header = meta.header().ok_or(MediaError::Damaged)?;
    header.cut_off = meta.reach() > end;
    header.edits.extend(films.into_iter().map(|kind_at| Edit::kind(kind_at, FREE)));
    header.edits.extend(usual_brands(&brands, &header.codec));
    // Not said in the boxes, it is said at the beginning of its data.
    if let Some(at) = meta.plain_data().filter(|_| header.plain.is_none()) {
        file.seek(SeekFrom::Start(at))?;
        let mut data = Vec::new();
        file.take(av1::ENOUGH).read_to_end(&mut data)?;
        header.plain = av1::coding(&data);
    }
    Ok(header)
}

/// The brands that every decoder takes, for those of the file: libheif looks at the first, and wants one of these among the
/// others (14496-12, 4.3; between them stands a version).
fn usual_brands(places: &[u64], codec: &[u8; 4]) -> Vec<Edit> {
    let own = if codec == b"av01" { *b"avif" } else { *b"heic" };
    let brand = |(number, &at): (usize, &u64)| Edit::kind(at, if number == 1 { *b"mif1" } else { own });
    places.iter().enumerate().map(brand).collect()
}

/// What the file has at its top, as far as it matters here.
#[derive(Default)]
struct Boxes {
    /// The contents of `meta`, and where they begin.
    meta: Option<(Vec<u8>, u64)>,
    /// Where the brands are, the major one first.
    brands: Vec<u64>,
    /// Where the types of boxes are that make a film of it.
    films: Vec<u64>,
}

fn top_boxes(file: &mut (impl Read + Seek), end: u64) -> Result<Boxes, MediaError> {
    let mut boxes = Boxes::default();
    let mut at = 0;
    for _ in 0..MOST_BOXES {
        let mut head = [0; 8];
        match file.read_exact(&mut head) {
            Err(_) if boxes.meta.is_some() || !boxes.films.is_empty() => break,
            read => read?,
        }
        let [s0, s1, s2, s3, kind @ ..] = head;
        let (size, header) = match u32::from_be_bytes([s0, s1, s2, s3]) {
            0 => (end - at, 8),
            1 => {
                let mut long = [0; 8];
                file.read_exact(&mut long)?;
                (u64::from_be_bytes(long), 16)
            }
            size => (size.into(), 8),
        };
        if size < header || size > end.saturating_sub(at) {
            break;
        }
        match &kind {
            b"ftyp" if at == 0 => {
                let brands = (at + header..(at + size).min(MOST_BRANDS)).step_by(4).enumerate();
                boxes.brands = brands.filter(|(number, _)| *number != 1).map(|(_, at)| at).collect();
                boxes.brands.retain(|brand| brand + 4 <= at + size);
            }
            b"moov" => boxes.films.push(at + 4),
            b"meta" if boxes.meta.is_none() => {
                // It is all there, so that this is not reserved for a claim.
                let length = usize::try_from(size - header).ok().filter(|_| size <= MOST_BYTES).unwrap_or_default();
                let mut bytes = Vec::with_capacity(length);
                file.take(length as u64).read_to_end(&mut bytes)?;
                boxes.meta = Some((bytes, at + header));
            }
            _ => (),
        }
        at += size;
        file.seek(SeekFrom::Start(at))?;
    }
    Ok(boxes)
}
