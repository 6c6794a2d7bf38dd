//! The decoder outside: hostile files, and decoders that were taken over by one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use lumina::media::{MediaError, OutsideDecoder};
use tempfile::TempDir;

use super::outside::{decode, real, timed};
use super::{encoded, phone};
use crate::support::images::corners;

pub const LUMINA: &str = env!("CARGO_BIN_EXE_lumina");

/// For decoders that end by themselves, or by another limit, on a busy machine too.
pub const LONG: Duration = Duration::from_secs(30);

/// A decoder that is a script.
pub struct Fake {
    folder: TempDir,
    pub decoder: OutsideDecoder,
}

impl Fake {
    /// `patience`: see [`OutsideDecoder::with_patience`].
    pub fn new(script: &str, patience: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // When the tests run as root, the decoder does not.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let path = folder.path().join("heif-dec");
        // Not when it is asked for help.
        fs::write(&path, format!("#!/bin/sh\n[ \"$1\" != --help ] || exit 0\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let decoder = OutsideDecoder::with(Path::new(LUMINA), &path).with_patience(patience);
        Self { folder, decoder }
    }

    /// Where the script is.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("heif-dec")
    }

    /// With a file beside the script.
    pub fn file(&self, name: &str, bytes: &[u8]) {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }
}

/// xorshift64 (Marsaglia, 2003)
fn random(seed: &mut u64) -> usize {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed as usize
}

/// `LUMINA_MUTATIONS=150` tries more of them.
#[test]
fn damaged_files_are_refused_or_harmless() {
    let tries = std::env::var("LUMINA_MUTATIONS").map_or(20, |number| number.parse().unwrap());
    let decoder = real().clone().with_patience(Duration::from_secs(15));
    let mut seed = 0x9E37_79B9_7F4A_7C15;
    for extension in ["heic", "avif"] {
        let whole = encoded(&[corners(160, 100)], extension, &["-t", "32"]);
        for length in [16, 40, 100, 300, whole.len() / 2, whole.len() - 1] {
            let result = decode(&decoder, &whole[..length.min(whole.len())]);
            assert!(!matches!(result, Err(MediaError::Internal(_))), "{length}: {result:?}");
        }
        let mut good = 0;
        for _ in 0..tries {
            let mut bytes = whole.clone();
            for _ in 0..=random(&mut seed) % 8 {
                // Half of them in the header.
                let range = if random(&mut seed).is_multiple_of(2) { whole.len() } else { 500.min(whole.len()) };
                let at = 16 + random(&mut seed) % (range - 16);
                bytes[at] = random(&mut seed) as u8;
            }
            let (decoded, took) = timed(&decoder, &bytes);
            match decoded {
                Ok(_) => good += 1,
                Err(error) => assert!(!matches!(error, MediaError::Internal(_)), "{error:?}"),
            }
            assert!(took < Duration::from_secs(20), "{took:?}");
        }
        assert!((1..tries).contains(&good), "{good} of {tries}");
    }
}

#[test]
fn a_file_that_lies_about_its_size_is_not_taken() {
    let mut bytes = phone("heic");
    let at = bytes.windows(4).position(|kind| kind == b"ispe").unwrap() + 8;
    bytes.splice(at..at + 8, [16_000_u32.to_be_bytes(), 16_000_u32.to_be_bytes()].concat());
    bytes.resize(50_000, 0);
    let fake = Fake::new("echo x > photo.png; exit 0", LONG);
    assert!(matches!(decode(&fake.decoder, &bytes), Err(MediaError::TooManyPixels { width: 16_000, .. })));
    // Less than is there: what comes out would be larger than what was allowed.
    bytes.splice(at..at + 8, [10_u32.to_be_bytes(), 10_u32.to_be_bytes()].concat());
    assert!(matches!(decode(real(), &bytes), Err(MediaError::Damaged)));
}

#[test]
fn decoders_that_do_not_end_are_ended() {
    let bytes = phone("avif");
    let stopped = |script: &str| {
        let (decoded, took) = timed(&Fake::new(script, Duration::from_secs(1)).decoder, &bytes);
        assert!(took < Duration::from_secs(5), "{script}: {took:?}");
        let error = decoded.unwrap_err();
        assert!(matches!(error, MediaError::TooMuchWork), "{script}: {error:?}");
    };
    for script in [
        "exec sleep 1000",
        "trap '' TERM INT HUP XCPU; while :; do :; done",
        "exec 2>&-; exec sleep 1000",
        // Its limit of a file's size may come first.
        "exec awk 'BEGIN { while (1) print \"a long line, a long line, a long line\" > \"photo.png\" }'",
    ] {
        stopped(script);
    }
}

#[test]
fn decoders_that_fail_say_nothing_of_the_photo() {
    let bytes = phone("avif");
    for script in [
        "exec awk 'BEGIN { s = \"xxxxxxxx\"; while (1) s = s s }'",
        "while :; do echo spam spam spam spam spam spam spam spam >&2 || exit 1; done",
        "exit 0",
        "echo not a picture > photo.png",
        "exit 1",
        "kill -SEGV $$",
        // It leaves nobody behind, as it can start nobody.
        "sleep 1000 & sleep 1000 & exit 0",
    ] {
        let fake = Fake::new(script, LONG);
        let error = decode(&fake.decoder, &bytes).unwrap_err();
        assert!(matches!(error, MediaError::Unreadable { .. }), "{script}: {error:?}");
    }
    let gone = OutsideDecoder::with(Path::new(LUMINA), Path::new("/nonexistent/heif-dec"));
    assert!(matches!(decode(&gone, &bytes), Err(MediaError::Internal(_))));
}

#[test]
fn cpu_time_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("photo.heif"), "").unwrap();
    fs::write(folder.path().join("photo.png"), "").unwrap();
    let started = Instant::now();
    let arguments = ["decode", "500000000", "1", "1000000", "/bin/sh", "-c", "trap '' XCPU; while :; do :; done"];
    let status = Command::new(LUMINA).args(arguments).current_dir(folder.path()).status().unwrap();
    assert!(!status.success() && started.elapsed() < Duration::from_secs(20), "{status}");
}
