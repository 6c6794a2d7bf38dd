//! The decoder outside, with the real libheif: what comes out of it, and that it sees nothing else.

use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use image::codecs::png::PngDecoder;
use image::{DynamicImage, GenericImageView, ImageBuffer, ImageFormat, Rgb, Rgba, RgbaImage};
use lumina::media::outside::Decoded;
use lumina::media::{Format, Limits, MediaError, OutsideDecoder, identify};
use tempfile::TempDir;

use super::hostile::{Fake, LONG};
use super::{ALONE, encoded, grey, left_behind, phone};
use crate::support::app::decoder;
use crate::support::images::{corners, encoded as file};

const LIMITS: Limits = Limits { megapixels: 100 };

/// The decoder of this machine.
pub fn real() -> &'static OutsideDecoder {
    assert_eq!(decoder().missing(), None, "these tests need libheif's tools: ./dev test installs them");
    decoder()
}

/// A result, and the folder of its photo, which goes after it.
#[derive(Debug)]
pub struct Photo {
    decoded: Decoded,
    folder: TempDir,
}

/// Decodes these bytes as an upload would be, under a name that would be an option. Nothing may be left behind.
pub fn decode(decoder: &OutsideDecoder, bytes: &[u8]) -> Result<Photo, MediaError> {
    timed(decoder, bytes).0
}

/// As [`decode`], with how long that took.
pub fn timed(decoder: &OutsideDecoder, bytes: &[u8]) -> (Result<Photo, MediaError>, Duration) {
    let _alone = ALONE.blocking_lock();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("--help; $(reboot) -o.heic");
    fs::write(&path, bytes).unwrap();
    let started = Instant::now();
    let decoded = identify(&bytes[..bytes.len().min(1024)]).and_then(|format| decoder.decode(&path, format, LIMITS));
    let took = started.elapsed();
    assert_eq!(fs::read(&path).unwrap(), bytes, "the original is as it was");
    let left = left_behind(folder.path());
    assert_eq!(left.len(), if decoded.is_ok() { 2 } else { 1 }, "the photo, and its result: {left:?}");
    (decoded.map(|decoded| Photo { decoded, folder }), took)
}

impl Photo {
    /// What came out, as it says.
    pub fn pixels(&self) -> DynamicImage {
        assert!(self.decoded.path().starts_with(self.folder.path()));
        let image = match self.decoded.pixels_of_planes().unwrap() {
            Some(image) => image.into(),
            None => {
                let png = BufReader::new(fs::File::open(self.decoded.path()).unwrap());
                DynamicImage::from_decoder(PngDecoder::new(png).unwrap()).unwrap()
            }
        };
        assert_eq!(image.dimensions(), (self.decoded.width, self.decoded.height));
        image
    }

    /// Red, green, blue, white, clockwise from the top left.
    #[track_caller]
    pub fn assert_upright(&self) {
        let image = self.pixels();
        let (right, bottom) = (image.width() - 9, image.height() - 9);
        for (x, y, colour) in
            [(8, 8, [255, 0, 0]), (right, 8, [0, 255, 0]), (right, bottom, [0, 0, 255]), (8, bottom, [255, 255, 255])]
        {
            let [r, g, b, _] = image.get_pixel(x, y).0;
            assert!([r, g, b].iter().zip(colour).all(|(is, should)| is.abs_diff(should) < 30), "{x} {y}: {r} {g} {b}");
        }
    }
}

#[test]
fn heic_and_avif_come_out() {
    for (extension, format) in [("heic", Format::Heic), ("avif", Format::Avif)] {
        let bytes = phone(extension);
        assert_eq!(identify(&bytes).unwrap(), format);
        let photo = decode(real(), &bytes).unwrap();
        assert_eq!(photo.pixels().dimensions(), (160, 100));
        photo.assert_upright();
        let odd = encoded(&[corners(63, 41)], extension, &[]);
        assert_eq!(decode(real(), &odd).unwrap().pixels().dimensions(), (63, 41));
        let clear = RgbaImage::from_fn(64, 64, |x, _| Rgba([200, 100, 50, if x < 32 { 0 } else { 255 }]));
        let clear = decode(real(), &encoded(&[clear.into()], extension, &[])).unwrap().pixels();
        assert!(clear.get_pixel(4, 4).0[3] < 20 && clear.get_pixel(60, 60).0[3] > 235, "{extension}");
    }
    let deep = ImageBuffer::from_fn(64, 64, |x, _| Rgb([x as u16 * 1000, 30_000, 60_000]));
    let deep = encoded(&[DynamicImage::ImageRgb16(deep)], "heic", &["-b", "10"]);
    assert_eq!(decode(real(), &deep).unwrap().pixels().color(), image::ColorType::Rgb16);
}

/// Of several images, with thumbnails, the primary one alone is decoded.
#[test]
fn the_primary_image_is_taken() {
    for extension in ["heic", "avif"] {
        let images = [corners(160, 100), grey(64, 64), grey(64, 64)];
        decode(real(), &encoded(&images, extension, &["-t", "32"])).unwrap().assert_upright();
    }
}

/// Turns of the container count. The box is put in place of one that may be left out (`pixi`), so that no place in the file
/// moves.
#[test]
fn turns_of_the_container_count() {
    let upright = corners(160, 100);
    // Quarters anticlockwise (ISO/IEC 23008-12, 6.5.10).
    for (quarters, stored) in [(1, upright.rotate90()), (2, upright.rotate180()), (3, upright.rotate270())] {
        let mut bytes = encoded(std::slice::from_ref(&stored), "heic", &[]);
        let at = bytes.windows(4).position(|kind| kind == b"pixi").unwrap();
        let size = usize::from(bytes[at - 1]);
        // A box of nine bytes, and what is left over as free space.
        let mut turned = vec![0, 0, 0, 9, b'i', b'r', b'o', b't', quarters];
        let rest = size - turned.len();
        if rest >= 8 {
            turned.extend([0, 0, 0, rest as u8, b'f', b'r', b'e', b'e']);
        } else {
            turned[3] = size as u8;
        }
        turned.resize(size, 0);
        bytes.splice(at - 4..at - 4 + size, turned);
        let photo = decode(real(), &bytes).unwrap();
        assert_eq!(photo.pixels().dimensions(), (160, 100));
        photo.assert_upright();
    }
}

#[test]
fn the_decoder_sees_nothing_else() {
    if !landlock_works() {
        eprintln!("SKIPPED: this kernel has no Landlock, or it is off");
        return;
    }
    let secret = tempfile::NamedTempFile::new().unwrap();
    fs::write(secret.path(), "secret").unwrap();
    fs::set_permissions(secret.path(), std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    // It can start no other program, only become one.
    let script = format!(
        "read -r x < /etc/passwd && exit 3; read -r x < {secret} && exit 4; echo x > {secret} && exit 5; \
         echo x > more && exit 6; [ -z \"$HOME$SECRET\" ] || exit 8; \
         exec cat \"${{0%/*}}/good.png\" > photo.png",
        secret = secret.path().display()
    );
    let fake = Fake::new(&script, LONG);
    fake.file("good.png", &file(&corners(64, 64), ImageFormat::Png));
    decode(&fake.decoder, &phone("avif")).unwrap().assert_upright();
    assert_eq!(fs::read(secret.path()).unwrap(), b"secret");
}

pub fn landlock_works() -> bool {
    use landlock::{AccessFs, Ruleset, RulesetAttr, RulesetStatus};
    let restricted = || Ruleset::default().handle_access(AccessFs::MakeFifo)?.create()?.restrict_self();
    // A thread of its own is all that it restricts.
    std::thread::spawn(move || restricted().is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced))
        .join()
        .unwrap()
}

#[test]
fn a_missing_decoder_says_what_to_do() {
    let missing = OutsideDecoder::missing_altogether();
    let error = decode(&missing, &phone("heic")).unwrap_err();
    assert!(matches!(error, MediaError::DecoderMissing { format: Format::Heic }));
    assert!(missing.missing().unwrap().contains("libheif-examples"));
}

/// The files of `LUMINA_CORPUS`, when that names a folder.
#[test]
fn real_ones_come_out() {
    let Some(corpus) = std::env::var_os("LUMINA_CORPUS").map(PathBuf::from) else {
        eprintln!("SKIPPED: LUMINA_CORPUS names no folder");
        return;
    };
    // Relative to where Cargo was started, which is not where tests run.
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join(corpus);
    let cases = [
        ("formats/heif/examples/example.heic", Some((1280, 854))),
        ("formats/heif/examples/example.avif", Some((800, 533))),
        ("formats/libvips/avif-orientation-6.avif", Some((3024, 4032))),
        ("formats/libvips/17000x17000.avif", None),
        ("formats/avif/fox.profile0.8bpc.yuv420.avif", Some((1204, 800))),
        ("formats/avif/fox.profile0.10bpc.yuv420.avif", Some((1204, 800))),
        ("formats/avif/fox.profile0.8bpc.yuv420.monochrome.avif", Some((1204, 800))),
        ("formats/avif/fox.profile0.8bpc.yuv420.odd-width.odd-height.avif", Some((1203, 799))),
        ("formats/avif/fox.profile1.8bpc.yuv444.avif", Some((1204, 800))),
        ("formats/avif/fox.profile2.12bpc.yuv422.avif", Some((1204, 800))),
    ];
    for (name, size) in cases {
        match (decode(real(), &fs::read(corpus.join(name)).unwrap()), size) {
            (Ok(photo), Some(size)) => assert_eq!((photo.decoded.width, photo.decoded.height), size, "{name}"),
            (Err(MediaError::TooManyPixels { width: 17_000, .. }), None) => (),
            (decoded, _) => panic!("{name}: {decoded:?}"),
        }
    }
}
