//! What a file's own headers say, read before any decoder is opened.
//!
//! The decoders reserve memory as soon as a header asks for it, and not all of them can be told a limit: a GIF of 37 bytes
//! that claims 65 535 × 65 535 pixels aborts the process. So the headers are walked here first, in a buffer of a few
//! kilobytes: sizes, frames, colours, EXIF data, and how much memory the rest of the work takes. All that is not a question
//! of memory is left to the decoders.

mod gif;
mod jpeg;
mod jpeg_scans;
mod png;
mod webp;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::colour::Colours;
use super::decode::{BESIDE_PIXELS, READ_WHOLE};
use super::facts::Said;
use super::heif::{Cicp, read_header};
use super::renditions::{LARGEST_STILL, MOST_MOVING};
use super::{Format, Limits, MediaError};

pub(super) use jpeg::has_end as jpeg_has_end;

/// Bytes of memory allowed for each pixel allowed: 8-bit RGBA. What takes more to decode may have fewer pixels: 16 bits
/// a channel, animations, progressive JPEG (100 megapixels of it took 863 MB, from a file of 1 MB).
const BYTES_PER_PIXEL: u64 = 4;

/// Longest edge in pixels, the most that JPEG and GIF can say. Resizing needs memory that grows with an edge, whatever the area.
const LONGEST_EDGE: u32 = 65_535;

/// Most bytes of a colour profile: those of printers, which are tables, are the large ones.
const PROFILE: u64 = 4 << 20;

/// Most bytes of EXIF data. In a JPEG it has 64 KiB at most.
const EXIF: u64 = 256 << 10;

/// Most frames of what plays.
const FRAMES: u32 = 10_000;

/// Most pixels of what plays, in all its frames together: a minute of 1280 × 720 at 30 frames a second, and some.
const PLAYED_PIXELS: u64 = 2_000_000_000;

/// Bytes a pixel while a rendition is encoded: RGBA (4), libwebp's copy of it (4), its planes (2.5) and its output; rounded up.
const ENCODING: u64 = 12;

/// Memory for everything that does not grow with the photo: tables, buffers, colour profiles as they are worked with.
const BESIDE: u64 = 10 << 20;

/// What the headers say.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub width: u32,
    pub height: u32,
    pub animated: bool,
    /// Most memory that decoding it and making its renditions takes, in bytes.
    pub working_bytes: u64,
    /// As `working_bytes`, decoding it [smaller](super::Inspected::smaller); `None` where that is not done.
    pub smaller_bytes: Option<u64>,
    /// How its colours are meant.
    pub colours: Colours,
    /// EXIF, XMP and IPTC data.
    pub said: Said,
    /// Of a JPEG: whether Adobe's programs wrote it.
    pub adobe: bool,
    /// Of a JPEG: whether all coefficients are held until its last scan.
    pub buffered: bool,
    /// Of a progressive JPEG: whether its scans tell all there is, so that no end need follow.
    pub has_all_scans: bool,
    /// Of a JPEG: whether it has no tables of its own and means those of the standard.
    pub standard_tables: bool,
}

/// What decoding takes for each pixel, in bytes.
#[derive(Clone, Copy, Debug)]
struct PerPixel {
    /// For the pixels as they are decoded.
    pixels: u64,
    /// More than that, while they are decoded.
    decoding: u64,
    /// More than that, should they be converted at full size.
    converting: u64,
}

/// Reads the headers of the file at `path`. Refuses what is beyond the limits.
pub(super) fn read(path: &Path, format: Format, limits: Limits) -> Result<Header, MediaError> {
    let file = File::open(path).map_err(MediaError::Internal)?;
    let length = file.metadata().map_err(MediaError::Internal)?.len();
    let mut file = BufReader::new(file);
    let mut header = Header::default();
    let per_pixel = match format {
        Format::Jpeg => jpeg::read(&mut file, &mut header)?,
        Format::Png => png::read(&mut file, &mut header)?,
        Format::Gif => gif::read(&mut file, &mut header)?,
        Format::WebP => webp::read(&mut file, length, limits, &mut header)?,
        Format::Heic | Format::Avif => container(path, limits, &mut header)?,
    };
    check_size(header.width, header.height, per_pixel.pixels + per_pixel.decoding, limits)?;
    if format == Format::Jpeg {
        header.smaller_bytes = jpeg::smaller_bytes(&header, per_pixel);
    }
    header.working_bytes += working_bytes(&header, per_pixel);
    if format == Format::Jpeg {
        header.working_bytes += length.min(READ_WHOLE); // its decoder has the whole file in memory
    } else {
        header.working_bytes += BESIDE_PIXELS;
    }
    if header.animated && length <= MOST_MOVING {
        header.working_bytes += length;
    }
    Ok(header)
}

/// HEIC and AVIF: what comes out of their decoder is a PNG, which may have transparency.
fn container(path: &Path, limits: Limits, header: &mut Header) -> Result<PerPixel, MediaError> {
    let found = read_header(path)?;
    found.check(limits)?;
    (header.width, header.height) = (found.width, found.height);
    header.working_bytes = found.decoder_bytes();
    // The codes that are assigned are below 256.
    let code = |number: u16| u8::try_from(number).unwrap_or_default();
    let coded = |Cicp { primaries, transfer }| Colours::Coded { primaries: code(primaries), transfer: code(transfer) };
    let profile = found.profile.filter(|icc| icc.len() as u64 <= PROFILE).map(Colours::Icc);
    // A profile that nobody can read costs only itself.
    let profile = profile.filter(|profile| profile.profile().is_some());
    header.colours = profile.or_else(|| found.cicp.map(coded)).unwrap_or_default();
    Ok(PerPixel { pixels: if found.deep { 8 } else { 4 }, decoding: 0, converting: 3 })
}

/// The most memory at any moment: decoding, shrinking with its half-way image, or encoding.
fn working_bytes(header: &Header, per_pixel: PerPixel) -> u64 {
    let area = u64::from(header.width) * u64::from(header.height);
    let longest = u64::from(header.width.max(header.height).max(1));
    let edge = u64::from(LARGEST_STILL).min(longest);
    let large = area * edge / longest * edge / longest;
    let halfway = if edge < longest { area * edge / longest } else { 0 };
    let decoding = area * (per_pixel.pixels + per_pixel.decoding.max(per_pixel.converting));
    let shrinking = per_pixel.pixels * (area + halfway + large);
    BESIDE + decoding.max(shrinking).max(large * ENCODING)
}

/// Refuses what is larger than the limits when each pixel takes this many bytes of memory.
pub(super) fn check_size(width: u32, height: u32, bytes_per_pixel: u64, limits: Limits) -> Result<(), MediaError> {
    if width == 0 || height == 0 {
        return Err(MediaError::Damaged);
    }
    let allowed = u64::from(limits.megapixels) * 1_000_000;
    let allowed = allowed.min(allowed * BYTES_PER_PIXEL / bytes_per_pixel.max(1));
    if u64::from(width) * u64::from(height) > allowed {
        let limit_megapixels = u32::try_from(allowed / 1_000_000).unwrap_or(u32::MAX).max(1);
        return Err(MediaError::TooManyPixels { width, height, limit_megapixels });
    }
    if width.max(height) > LONGEST_EDGE {
        return Err(MediaError::TooLong { width, height, limit: LONGEST_EDGE });
    }
    Ok(())
}

/// Whether this many frames play, or are too many to.
fn plays(frames: u32, width: u32, height: u32) -> bool {
    // What is too large is refused only after this.
    let pixels = (u64::from(width) * u64::from(height)).saturating_mul(u64::from(frames));
    (2..=FRAMES).contains(&frames) && pixels <= PLAYED_PIXELS
}

/// The next `length` bytes, or none when they are more than `most` or the file ends before. The file stands behind them.
fn take(file: &mut BufReader<File>, length: u64, most: u64) -> Result<Option<Vec<u8>>, MediaError> {
    if length > most {
        file.seek_relative(length.cast_signed())?;
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.by_ref().take(length).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 == length).then_some(bytes))
}

/// The next `N` bytes, or `None` at the end of the file.
fn array<const N: usize>(file: &mut BufReader<File>) -> Result<Option<[u8; N]>, MediaError> {
    let mut bytes = [0; N];
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error.into()),
    }
}
