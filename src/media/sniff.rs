//! What a file is, by its first bytes: never by its name or by what the sender says it is.

use super::MediaError;

/// How many of a file's first bytes [`sniff`] and [`identify`] want to see. Fewer do when the file is shorter.
pub const HEAD: usize = 1024;

/// An image format that Lumina takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JPEG, baseline or progressive.
    Jpeg,
    /// PNG; of an animated one the still image.
    Png,
    /// GIF; of an animated one the first frame.
    Gif,
    /// WebP; of an animated one the first frame.
    WebP,
}

impl Format {
    /// The MIME type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
        }
    }

    /// The usual file name extension, without its dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::WebP => "webp",
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
        _ => None,
    }
}

/// As [`sniff`], with the reason when the file is refused.
///
/// # Errors
/// [`MediaError::NotAnImage`], naming what the file looks like.
pub fn identify(head: &[u8]) -> Result<Format, MediaError> {
    sniff(head).ok_or_else(|| MediaError::NotAnImage { looks_like: looks_like(head) })
}

/// What else the file is, as far as that helps its sender.
fn looks_like(head: &[u8]) -> Option<&'static str> {
    match head {
        [] => Some("empty"),
        // ISO base media (ISO/IEC 14496-12, section 4.3): the size of the first box, `ftyp`, the brand.
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => Some(match brand {
            [b'a', b'v', b'i', b'f' | b's', ..] => "AVIF",
            [b'h', b'e', ..] | [b'm', b'i', b'f', b'1', ..] | [b'm', b's', b'f', b'1', ..] => "HEIC",
            _ => "video",
        }),
        [0x1A, 0x45, 0xDF, 0xA3, ..] | [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', b' ', ..] => {
            Some("video")
        }
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some("TIFF"),
        [b'%', b'P', b'D', b'F', b'-', ..] => Some("PDF"),
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Some("BMP"),
        [b'P', b'K', 3, 4, ..] => Some("ZIP"),
        _ => markup(head),
    }
}

/// SVG or HTML, by the tags in what may be text of any encoding.
fn markup(head: &[u8]) -> Option<&'static str> {
    let text: String =
        head.iter().filter(|&&byte| byte != 0).map(|&byte| char::from(byte).to_ascii_lowercase()).collect();
    let names = |tags: &[&str]| tags.iter().any(|tag| text.contains(tag));
    if names(&["<svg"]) {
        Some("SVG")
    } else if names(&["<!doctype html", "<html", "<head", "<body", "<script"]) {
        Some("HTML")
    } else {
        None
    }
}

/// What to tell the sender of a file that looks like this.
pub(super) fn refusal(looks_like: Option<&str>) -> String {
    let what = match looks_like {
        None => {
            return "This is not a photo Lumina can read. Send a JPEG, PNG, GIF or WebP.".to_owned();
        }
        Some("empty") => {
            return "This file is empty. Check it on your device, then send it again.".to_owned();
        }
        Some("video") => "a video",
        Some("ZIP") => {
            return "This is a ZIP archive. Unpack it, then send the photos in it.".to_owned();
        }
        Some("HTML") => "a web page",
        Some("HEIC") => "a HEIC photo",
        Some("AVIF") => "an AVIF image",
        Some("SVG") => "an SVG drawing",
        Some(other) => {
            return format!("This is a {other} file, which Lumina does not take. Send a JPEG, PNG, GIF or WebP.");
        }
    };
    format!("This is {what}, which Lumina does not take. Send a JPEG, PNG, GIF or WebP.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_bytes() {
        let cases: [(&[u8], Format); 5] = [
            (b"\xFF\xD8\xFF\xE0<html>", Format::Jpeg),
            (b"\x89PNG\r\n\x1A\n", Format::Png),
            (b"GIF87a", Format::Gif),
            (b"GIF89a/*", Format::Gif),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Format::WebP),
        ];
        for (head, format) in cases {
            assert_eq!(sniff(head), Some(format));
            assert!(identify(head).is_ok());
        }
    }

    #[test]
    fn what_is_refused_is_named() {
        let cases: [(&[u8], &str); 15] = [
            (b"", "empty"),
            (b"just some text", "not a photo"),
            (b"\xFF\xD8", "not a photo"),
            (b"GIF88a", "not a photo"),
            (b"<?xml version='1.0'?>\n<!-- x -->\n<SVG xmlns=", "an SVG"),
            (b"\xFF\xFE<\0s\0v\0g\0", "an SVG"),
            (b"\n <!DOCTYPE html>", "a web page"),
            (b"%PDF-1.7", "a PDF"),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1", "a HEIC"),
            (b"\0\0\0\x18ftypavif", "an AVIF"),
            (b"\0\0\0\x18ftypisom", "a video"),
            (b"\x1A\x45\xDF\xA3\x01", "a video"),
            (b"MM\0*\0\0\0\x08", "a TIFF"),
            (b"BM\x36\0\0\0\0\0\0\0\x36", "a BMP"),
            (b"PK\x03\x04", "a ZIP"),
        ];
        for (head, words) in cases {
            assert_eq!(sniff(head), None);
            let message = identify(head).unwrap_err().to_string();
            assert!(message.contains(words), "{message} does not name {words}");
        }
    }
}
