//! What files are taken for, by their first bytes.

use std::fs;
use std::path::{Path, PathBuf};

use super::sniff::{Format, HEAD, identify, sniff};

#[test]
fn formats_are_told_by_their_bytes() {
    let cases: [(&[u8], Format); 15] = [
        (b"\xFF\xD8\xFF\xE0<html>", Format::Jpeg),
        (b"\x89PNG\r\n\x1A\n", Format::Png),
        (b"GIF87a", Format::Gif),
        (b"GIF89a/*", Format::Gif),
        (b"RIFF\x10\0\0\0WEBPVP8 ", Format::WebP),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Format::Heic),
        (b"\0\0\0\x14ftypheix\0\0\0\0mif1", Format::Heic),
        (b"\0\0\0\x1Cftypmif1\0\0\0\0mif1heichevc", Format::Heic),
        (b"\0\0\0\x18ftypmsf1\0\0\0\0mif1hevc", Format::Heic),
        (b"\0\0\0\x10ftypheis", Format::Heic),
        (b"\0\0\0\x1Cftypavif\0\0\0\0mif1miaf", Format::Avif),
        (b"\0\0\0\x18ftypavis\0\0\0\0msf1", Format::Avif),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", Format::Avif),
        (b"\0\0\0\x18ftypmiaf\0\0\0\0avifmif1", Format::Avif),
        // A size that cannot be: the major brand alone counts.
        (b"\0\0\0\x01ftypavif", Format::Avif),
    ];
    for (head, format) in cases {
        assert_eq!(sniff(head), Some(format), "{:?}", String::from_utf8_lossy(head));
        assert!(identify(head).is_ok());
    }
}

#[test]
fn what_is_refused_is_named() {
    let cases: [(&[u8], &str); 40] = [
        (b"", "empty"),
        (b"just some text", "not a photo"),
        (b"\xFF\xD8", "not a photo"),
        (b"GIF88a", "not a photo"),
        (b"\0\0\0\x18ftyp", "not a photo"),
        (b"<?xml version='1.0'?>\n<!-- x -->\n<SVG xmlns=", "an SVG"),
        (b"\xFF\xFE<\0s\0v\0g\0", "an SVG"),
        (b"\n <!DOCTYPE html>", "a web page"),
        (b"%PDF-1.7", "a PDF"),
        (b"\xEF\xBB\xBF\n%PDF-1.7", "a PDF"),
        (b"%!PS-Adobe", "a PostScript"),
        (b"\0\0\0\x18ftypisom", "a video"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "a video"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "a video"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "a video"),
        (b"\x1A\x45\xDF\xA3\x01", "a video"),
        (b"\0\0\x01\xBA", "a video"),
        (b"RIFF\x10\0\0\0AVI LIST", "a video"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "a sound"),
        (b"\0\0\0\x18ftypM4A ", "a sound"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "raw file"),
        // The avif brand lies past the end of the box.
        (b"\0\0\0\x14ftypmif1\0\0\0\0mif1avif", "a rare kind"),
        (b"\0\0\0\x18ftypavci\0\0\0\0mif1", "a rare kind"),
        (b"\0\0\0\x14ftypjxl \0\0\0\0jxl ", "a JPEG XL"),
        (b"\0\0\0\x0CJXL \r\n\x87\n", "a JPEG XL"),
        (b"\xFF\x0A\xFA", "a JPEG XL"),
        (b"\0\0\0\x0CjP  \r\n\x87\n", "a JPEG 2000"),
        (b"\xFF\x4F\xFF\x51\0", "a JPEG 2000"),
        (b"MM\0*\0\0\0\x08", "a TIFF"),
        (b"II*\0\x08\0\0\0\x01\0\0\x01\x03\0", "a TIFF"),
        (b"II*\0\x10\0\0\0CR\x02\0", "raw file"),
        (b"MM\0*\0\0\0\x08\0\x01\x01\x4A\0\x04", "raw file"),
        (b"II*\0\x08\0\0\0\x01\0\x12\xC6\x01\0", "raw file"),
        (b"FUJIFILMCCD-RAW 0201", "raw file"),
        (b"BM\x36\0\0\0\0\0\0\0\x36", "a BMP"),
        (b"\0\0\x01\0\x01\0\x20\x20", "an icon"),
        (b"8BPS\0\x01", "a Photoshop"),
        (b"\x1F\x8B\x08\0", "a compressed"),
        (b"PK\x03\x04", "an archive"),
        (b"Rar!\x1A\x07", "an archive"),
    ];
    for (head, words) in cases {
        assert_eq!(sniff(head), None, "{:?}", String::from_utf8_lossy(head));
        let message = identify(head).unwrap_err().to_string();
        assert!(message.contains(words), "{message} does not name {words}");
        assert!(message.starts_with("This "), "{message}");
    }
}

#[test]
fn any_beginning_is_answered() {
    let heads: [&[u8]; 4] =
        [b"\0\0\0\x1Cftypmif1\0\0\0\0mif1heichevc", b"MM\0*\xFF\xFF\xFF\xFF", b"II*\0\x08\0\0\0\xFF\xFF", b"BM"];
    for head in heads {
        for length in 0..head.len() {
            let _ = identify(&head[..length]);
        }
    }
}

/// What the files of `LUMINA_CORPUS` are, when that names a folder. Endings lie only in `hostile/polyglots`.
#[test]
fn the_corpus_is_told_apart() {
    let Some(corpus) = std::env::var_os("LUMINA_CORPUS").map(PathBuf::from) else { return };
    let mut seen = 0;
    let mut folders = vec![corpus.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let path = entry.path();
            let bytes = fs::read(&path).unwrap();
            let is = match identify(&bytes[..bytes.len().min(HEAD)]) {
                Ok(format) => format.name().to_owned(),
                Err(error) => error.to_string(),
            };
            let should = expected(path.strip_prefix(&corpus).unwrap());
            assert!(should.is_none_or(|should| is.contains(should)), "{}: {is}, not {should:?}", path.display());
            seen += usize::from(should.is_some());
        }
    }
    assert!(seen > 400, "{seen}");
}

fn expected(path: &Path) -> Option<&'static str> {
    let by_name = [
        ("bmp_js_polyglot.bmp", "BMP"),
        ("empty.jpg", "empty"),
        ("gif_js_polyglot.gif", "GIF"),
        ("gif_magic_then_html.gif", "GIF"),
        ("html_named.png", "web page"),
        ("jpeg_content.png", "JPEG"),
        ("jpeg_magic_then_php.jpg", "JPEG"),
        ("js_named.gif", "not a photo"),
        ("one_byte.png", "not a photo"),
        ("png_content.jpg", "PNG"),
        ("svg_named.jpg", "SVG"),
        ("utf16_html.jpg", "web page"),
        ("truncated.svgz", "compressed"),
        ("logo.svg.gz", "compressed"),
    ];
    let name = path.file_name()?.to_str()?;
    if let Some((_, is)) = by_name.into_iter().find(|(file, _)| *file == name) {
        return Some(is);
    }
    Some(match path.extension()?.to_str()? {
        "jpg" | "jpeg" => "JPEG",
        "png" => "PNG",
        "gif" => "GIF",
        "webp" => "WebP",
        "heic" => "HEIC",
        "avif" => "AVIF",
        "tif" | "tiff" => "TIFF",
        "bmp" => "BMP",
        "ico" | "cur" => "icon",
        "svg" => "SVG",
        "svgz" => "compressed",
        "jp2" | "j2k" => "JPEG 2000",
        "pdf" => "PDF",
        _ => return None,
    })
}
