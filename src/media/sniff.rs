//! What a file is, by its first bytes: never by its name or by what the sender says it is.

use super::MediaError;

/// How many of a file's first bytes [`sniff`] and [`identify`] want to see. Fewer do when the file is shorter.
pub const HEAD: usize = 1024;

/// What people may send instead of a file that is refused.
const SEND: &str = "Send a JPEG, PNG, GIF, WebP, HEIC or AVIF.";

/// An image format that Lumina takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JPEG, baseline or progressive.
    Jpeg,
    /// PNG and APNG.
    Png,
    /// GIF, animated or not.
    Gif,
    /// WebP, animated or not.
    WebP,
    /// HEIC: HEVC in an ISO base media file, as iPhones make it.
    Heic,
    /// AVIF: AV1 in an ISO base media file.
    Avif,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Jpeg, Self::Png, Self::Gif, Self::WebP, Self::Heic, Self::Avif];

    /// The format of this MIME type.
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.content_type() == content_type)
    }

    /// The MIME type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
            Self::Heic => "image/heic",
            Self::Avif => "image/avif",
        }
    }

    /// The usual file name extension, without its dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::WebP => "webp",
            Self::Heic => "heic",
            Self::Avif => "avif",
        }
    }

    /// The file name extensions it comes with, in lower case without their dots: the one list of them.
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Jpeg => &["jpg", "jpeg", "jpe", "jfif"],
            Self::Png => &["png"],
            Self::Gif => &["gif"],
            Self::WebP => &["webp"],
            Self::Heic => &["heic", "heif", "hif"],
            Self::Avif => &["avif"],
        }
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Gif => "GIF",
            Self::WebP => "WebP",
            Self::Heic => "HEIC",
            Self::Avif => "AVIF",
        }
    }
}

/// The format of the file that begins with `head`, or `None` when it is not one that Lumina takes.
pub fn sniff(head: &[u8]) -> Option<Format> {
    match head {
        [0xFF, 0xD8, 0xFF, ..] => Some(Format::Jpeg),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Format::Png),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Format::Gif),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Format::WebP),
        _ => match iso_media(head)? {
            Iso::Takes(format) => Some(format),
            Iso::Other(_) => None,
        },
    }
}

/// As [`sniff`], with the reason when the file is refused.
///
/// # Errors
/// [`MediaError::NotAnImage`], naming what the file looks like.
pub fn identify(head: &[u8]) -> Result<Format, MediaError> {
    sniff(head).ok_or_else(|| MediaError::NotAnImage { looks_like: looks_like(head) })
}

/// A file of boxes, by the brands of its first one.
enum Iso {
    Takes(Format),
    Other(&'static str),
}

/// ISO base media (ISO/IEC 14496-12, section 4.3): the size of the first box, `ftyp`, the major brand, a version, and
/// the brands it is compatible with. `mif1` alone names no codec; those of HEVC are in ISO/IEC 23008-12, annex B, those
/// of AV1 in the AVIF specification, section 9.
fn iso_media(head: &[u8]) -> Option<Iso> {
    let [s0, s1, s2, s3, b'f', b't', b'y', b'p', rest @ ..] = head else {
        return None;
    };
    let size = usize::try_from(u32::from_be_bytes([*s0, *s1, *s2, *s3])).unwrap_or(usize::MAX);
    // Of size 0 or 1 would be a box without end or of 4 GiB: only the major brand is believed then.
    let rest = rest.get(..size.saturating_sub(8).max(4)).unwrap_or(rest);
    let mut brands = rest.as_chunks::<4>().0.iter();
    let major = brands.next()?;
    let compatible = || rest.as_chunks::<4>().0.iter().skip(2);
    let heic = |brand: &[u8; 4]| {
        matches!(brand, b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs")
    };
    let avif = |brand: &[u8; 4]| matches!(brand, b"avif" | b"avis");
    Some(match major {
        b"crx " => Iso::Other("raw"),
        b"jxl " => Iso::Other("JPEG XL"),
        b"jp2 " | b"jpx " | b"jpm " | b"mjp2" | b"jph " => Iso::Other("JPEG 2000"),
        b"M4A " | b"M4B " => Iso::Other("sound"),
        major if heic(major) => Iso::Takes(Format::Heic),
        major if avif(major) || compatible().any(avif) => Iso::Takes(Format::Avif),
        _ if compatible().any(heic) => Iso::Takes(Format::Heic),
        // An image of another codec: AVC, VVC, JPEG 2000…
        b"mif1" | b"mif2" | b"msf1" | b"miaf" | b"avci" | b"avcs" | b"vvic" | b"vvis" | b"evbi" | b"jpeg" | b"jpgs"
        | b"j2ki" | b"j2is" | b"unif" => Iso::Other("HEIF"),
        _ => Iso::Other("video"),
    })
}

/// What else the file is, as far as that helps its sender.
fn looks_like(head: &[u8]) -> Option<&'static str> {
    if let Some(Iso::Other(name)) = iso_media(head) {
        return Some(name);
    }
    match head {
        [] => Some("empty"),
        [0xFF, 0x0A, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => Some("JPEG XL"),
        [0xFF, 0x4F, 0xFF, 0x51, ..] | [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] => Some("JPEG 2000"),
        [b'I', b'I', 42, 0, _, _, _, _, b'C', b'R', ..]
        | [b'I', b'I', b'R', b'O' | b'S', ..]
        | [b'M', b'M', b'O', b'R', ..]
        | [b'I', b'I', b'U', 0, ..]
        | [b'I', b'I', 26, 0, 0, 0, b'H', b'E', b'A', b'P', ..]
        | [b'F', b'U', b'J', b'I', b'F', b'I', b'L', b'M', b'C', ..]
        | [b'F', b'O', b'V', b'b', ..] => Some("raw"),
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(tiff(head)),
        [b'%', b'P', b'D', b'F', b'-', ..] => Some("PDF"),
        [b'%', b'!', b'P', b'S', ..] | [0xC5, 0xD0, 0xD3, 0xC6, ..] => Some("PostScript"),
        // Reserved fields of zero (BITMAPFILEHEADER), or a header of a size that bitmaps have.
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..]
        | [b'B', b'M', _, _, _, _, _, _, _, _, _, _, 0, 0, 12 | 40 | 64 | 108 | 124, 0, ..] => Some("BMP"),
        [0, 0, 1 | 2, 0, 1..=255, 0, ..] => Some("icon"),
        [b'8', b'B', b'P', b'S', ..] => Some("Photoshop"),
        [b'g', b'i', b'm', b'p', b' ', b'x', b'c', b'f', ..] => Some("GIMP"),
        [0x76, 0x2F, 0x31, 0x01, ..] => Some("OpenEXR"),
        [b'P', b'K', 3 | 5, 4 | 6, ..] => Some("ZIP"),
        [0x1F, 0x8B, ..]
        | [b'B', b'Z', b'h', ..]
        | [0xFD, b'7', b'z', b'X', b'Z', 0, ..]
        | [0x28, 0xB5, 0x2F, 0xFD, ..] => Some("compressed"),
        [b'R', b'a', b'r', b'!', ..] | [b'7', b'z', 0xBC, 0xAF, ..] => Some("archive"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..]
        | [b'I', b'D', b'3', ..]
        | [b'f', b'L', b'a', b'C', ..]
        | [b'O', b'g', b'g', b'S', ..] => Some("sound"),
        // Matroska, AVI, MPEG, Flash, ASF; QuickTime from before there was `ftyp`.
        [0x1A, 0x45, 0xDF, 0xA3, ..]
        | [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', b' ', ..]
        | [0, 0, 1, 0xBA | 0xB3, ..]
        | [b'F', b'L', b'V', 1, ..]
        | [0x30, 0x26, 0xB2, 0x75, ..]
        | [_, _, _, _, b'm', b'o', b'o' | b'd', b'v' | b'a', ..]
        | [_, _, _, _, b'w', b'i', b'd', b'e', ..] => Some("video"),
        _ => markup(head),
    }
}

/// Cameras' raw files are TIFF, told apart by a tag in their first folder: SubIFDs, where the raw pixels are, or the
/// version of DNG (TIFF 6.0, section 2; DNG 1.7, chapter 4).
fn tiff(head: &[u8]) -> &'static str {
    let little = head.first() == Some(&b'I');
    let u16_at = |at: usize| {
        let pair = *head.get(at..)?.first_chunk()?;
        Some(if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) })
    };
    let folder = || {
        let offset = *head.get(4..)?.first_chunk()?;
        let offset = if little { u32::from_le_bytes(offset) } else { u32::from_be_bytes(offset) };
        usize::try_from(offset).ok().filter(|offset| *offset < HEAD)
    };
    let Some(folder) = folder() else {
        return "TIFF";
    };
    let entries = usize::from(u16_at(folder).unwrap_or(0)).min(HEAD / 12);
    let tags = (0..entries).map_while(|entry| u16_at(folder + 2 + 12 * entry));
    if tags.into_iter().any(|tag| matches!(tag, 0x014A | 0xC612)) { "raw" } else { "TIFF" }
}

/// SVG or HTML, by the tags in what may be text of any encoding.
fn markup(head: &[u8]) -> Option<&'static str> {
    let text: String =
        head.iter().filter(|&&byte| byte != 0).map(|&byte| char::from(byte).to_ascii_lowercase()).collect();
    let names = |tags: &[&str]| tags.iter().any(|tag| text.contains(tag));
    if names(&["<svg", "<!doctype svg"]) {
        Some("SVG")
    } else if names(&["<!doctype html", "<html", "<head", "<body", "<script"]) {
        Some("HTML")
    } else if text.get(..HEAD.min(text.len())).is_some_and(|text| text.contains("%pdf-")) {
        Some("PDF")
    } else {
        None
    }
}

/// What to tell the sender of a file that looks like this.
pub(super) fn refusal(looks_like: Option<&str>) -> String {
    let what = match looks_like {
        None => return format!("This is not a photo Lumina can read. {SEND}"),
        Some("empty") => return "This file is empty. Check it on your device, then send it again.".to_owned(),
        Some("ZIP" | "archive") => {
            return "This is an archive, such as ZIP. Unpack it, then send the photos in it.".to_owned();
        }
        Some("raw") => {
            return "This is a camera's raw file, which Lumina does not take. Send the JPEG or HEIC that your camera or photo program makes of it.".to_owned();
        }
        Some("TIFF") => "a TIFF or a camera's raw file",
        Some("compressed") => "a compressed file",
        Some("video") => "a video",
        Some("sound") => "a sound recording",
        Some("HTML") => "a web page",
        Some("SVG") => "an SVG drawing",
        Some("icon") => "an icon",
        Some("HEIF") => "a HEIF image of a rare kind",
        Some("OpenEXR") => "an OpenEXR file",
        Some(other) => return format!("This is a {other} file, which Lumina does not take. {SEND}"),
    };
    format!("This is {what}, which Lumina does not take. {SEND}")
}
