//! HEIC and AVIF: decoded outside, by libheif's own program in a process that can do nothing else.
//!
//! Both formats need large decoders written in C. One of their bugs must not become one of this server's, so the pixels
//! are made by `heif-dec` (before libheif 1.18: `heif-convert`) from a copy of the file, in a child process that is
//! Lumina itself at first: started as `lumina decode`, it puts limits on itself ([`child`]) and then becomes the decoder.
//! This process only waits for it, for so long and no longer ([`watch`]), and opens the picture that comes out.
//!
//! What it promises, for any file: nothing is started for one whose header is beyond the limits; the child's memory,
//! CPU time, files, threads and messages are bounded, it can read and write these two files alone (Linux 5.13 or newer),
//! start no process and open no connection (any Linux), and neither it nor a file is left when
//! [`OutsideDecoder::decode`] returns. Only the primary image comes out, upright: the decoder applies the turns that the
//! container states (`irot`, `imir`), and an EXIF orientation in such a file means nothing (ISO/IEC 23008-12, 6.5.10).

mod child;
mod copy;
mod find;
#[cfg(target_os = "linux")]
mod sandbox;
#[cfg(target_os = "linux")]
mod system_calls;
mod watch;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use image::RgbImage;
use tempfile::TempDir;

use super::decode::planes;
use super::heif::{Coding, Header, read_header};
use super::{Format, Limits, MediaError};

pub use child::run_subcommand;
#[cfg(target_os = "linux")]
pub use sandbox::{Enforced, look};

/// The first argument that makes the program a decoder: see [`run_subcommand`].
pub const SUBCOMMAND: &str = "decode";

/// What is to be installed, in a word for whoever sent a photo. The exact packages are in [`OutsideDecoder::missing`].
pub(super) const PACKAGE: &str = "libheif's tools";

/// Longest that one photo may take, however large: its decoding keeps others waiting. 48 megapixels took 16 s.
const MOST_CPU_SECONDS: u64 = 60;

/// How much of a format a decoder reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    Nothing,
    /// A picture alone, and not all that phones write beside it.
    Plain,
    All,
}

/// The decoder of HEIC and AVIF that was found at the start, or what is missing.
#[derive(Clone, Debug)]
pub struct OutsideDecoder {
    program: Option<Program>,
    heic: Reads,
    avif: Reads,
    /// The longest wait for one photo, when it is shorter than what the photo's size allows.
    patience: Duration,
}

/// The C decoder, and who starts it.
#[derive(Clone, Debug)]
struct Program {
    /// Lumina itself.
    launcher: PathBuf,
    path: PathBuf,
    /// Its name and version, for people.
    name: String,
    options: Vec<&'static str>,
    /// Whether it can hand over planes, and is better asked to.
    planes: bool,
}

/// A decoded picture. The file vanishes with this value.
#[derive(Debug)]
pub struct Decoded {
    folder: TempDir,
    /// Width in pixels, upright.
    pub width: u32,
    /// Height in pixels, upright.
    pub height: u32,
    /// How its planes are coded, when it is these and no PNG.
    planes: Option<Coding>,
}

impl Decoded {
    /// The picture, upright: [planes](Decoded::pixels_of_planes), or a PNG of 8 or 16 bits. What else is in that is not to be
    /// used: colours and EXIF data are in the photo itself, and each version of the decoder says less or more of them.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join(if self.planes.is_some() { copy::PLANES } else { copy::PNG })
    }

    /// The pixels, unless the picture is a PNG.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn pixels_of_planes(&self) -> Result<Option<RgbImage>, MediaError> {
        self.planes.map(|coding| planes::pixels(&self.path(), coding)).transpose()
    }
}

/// What one decoding may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Bytes of address space.
    pub memory: u64,
    /// Seconds of CPU, of all its threads together.
    pub cpu_seconds: u64,
    /// Bytes of the largest file that it may write.
    pub file: u64,
}

impl Allowance {
    /// For a picture with this header in a file of this length.
    pub fn of(header: &Header, length: u64) -> Self {
        let pixels = u64::from(header.width) * u64::from(header.height);
        let work = header.work.max(pixels);
        let (sample, slower) = if header.deep { (2, child::DEEP_IS_SLOWER) } else { (1, 1) };
        Self {
            memory: child::BASE_MEMORY + child::MEMORY_PER_PIXEL * sample * work,
            cpu_seconds: (child::BASE_CPU_SECONDS + work * slower / child::PIXELS_PER_CPU_SECOND).min(MOST_CPU_SECONDS),
            // Four channels and a byte a row, stored uncompressed at worst; EXIF data and profile come along.
            file: (4 * pixels * sample + 8 * u64::from(header.height)) / 100 * 101 + length + (1 << 20),
        }
    }

    /// How long to wait for it: threads on a busy machine, then the disk.
    fn deadline(self) -> Duration {
        Duration::from_secs(2 * self.cpu_seconds + 10)
    }
}

impl OutsideDecoder {
    /// Whether photos of this format can be taken: with this decoder, or without any.
    pub fn takes(&self, format: Format) -> bool {
        !matches!(format, Format::Heic | Format::Avif) || self.can(format)
    }

    /// Whether photos of this format can be decoded.
    pub fn can(&self, format: Format) -> bool {
        match format {
            Format::Heic => self.heic != Reads::Nothing,
            Format::Avif => self.avif != Reads::Nothing,
            _ => false,
        }
    }

    /// Waits no longer than this for one photo.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Decodes the primary image of the file at `path`. Blocks for as long as that takes; a folder beside the file is
    /// used and removed.
    ///
    /// # Errors
    /// [`MediaError::DecoderMissing`]; [`MediaError::TooMuchWork`] when it was stopped; [`MediaError::Unreadable`] when it gave
    /// up; else as for any photo.
    pub fn decode(&self, path: &Path, format: Format, limits: Limits) -> Result<Decoded, MediaError> {
        let program = self.program.as_ref().filter(|_| self.can(format));
        program.ok_or(MediaError::DecoderMissing { format })?.decode(path, format, limits, self.patience)
    }
}

impl Program {
    fn decode(&self, path: &Path, format: Format, limits: Limits, patience: Duration) -> Result<Decoded, MediaError> {
        let header = read_header(path)?;
        header.check(limits)?;
        let folder = copy::make(path, &header).map_err(MediaError::Internal)?;
        let length = path.metadata().map_err(MediaError::Internal)?.len();
        let allowance = Allowance::of(&header, length);
        let planes = header.plain.filter(|coding| self.planes && planes::can_read(*coding));
        let output = if planes.is_some() { copy::PLANES } else { copy::PNG };
        let command = self.command(allowance, folder.path(), output);
        let end = watch::run(command, allowance.deadline().min(patience)).map_err(MediaError::Internal)?;
        end.check()?;
        let result = folder.path().join(output);
        let size = if planes.is_some() { planes_size(&result) } else { png_size(&result) };
        let Some((width, height)) = size.filter(|_| end.is_success()) else {
            // That the decoder gives up says little of the photo: it may be newer than the decoder.
            let unreadable = || MediaError::Unreadable { format, decoder: self.name.clone() };
            return Err(if header.cut_off { MediaError::Damaged } else { unreadable() });
        };
        let pixels = u64::from(header.width) * u64::from(header.height);
        // The decoder goes by the codec's own size, which may differ from the one that was checked.
        if u64::from(width) * u64::from(height) > pixels || width == 0 || height == 0 {
            return Err(MediaError::Damaged);
        }
        Ok(Decoded { folder, width, height, planes })
    }
}

/// The size that the planes at `path` state, if they are whole.
fn planes_size(path: &Path) -> Option<(u32, u32)> {
    let read = || -> io::Result<Option<(u32, u32)>> {
        let mut head = Vec::new();
        File::open(path)?.take(128).read_to_end(&mut head)?;
        let length = std::fs::metadata(path)?.len();
        let size = planes::size(&head);
        let whole =
            size.filter(|&(width, height, at)| length == planes::bytes(width, height).saturating_add(at as u64));
        Ok(whole.map(|(width, height, _)| (width, height)))
    };
    read().ok().flatten()
}

/// The size that the PNG at `path` states, if it is whole: the decoder reports success even when it could not write
/// its end. PNG specification, sections 5.2, 11.2.1 and 11.2.5.
fn png_size(path: &Path) -> Option<(u32, u32)> {
    const END: [u8; 12] = [0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xAE, 0x42, 0x60, 0x82];
    let read = || -> io::Result<Option<(u32, u32)>> {
        let mut file = File::open(path)?;
        let (mut head, mut end) = ([0; 24], [0; 12]);
        file.read_exact(&mut head)?;
        file.seek(SeekFrom::End(-12))?;
        file.read_exact(&mut end)?;
        let [kind @ .., w0, w1, w2, w3, h0, h1, h2, h3] = head;
        let is_png = kind == *b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR" && end == END;
        Ok(is_png.then_some((u32::from_be_bytes([w0, w1, w2, w3]), u32::from_be_bytes([h0, h1, h2, h3]))))
    };
    read().ok().flatten()
}
