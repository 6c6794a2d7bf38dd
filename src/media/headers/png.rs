//! PNG: all its chunks, by their heads. PNG specification, third edition, sections 5.3 and 11.

use std::fs::File;
use std::io::{BufReader, Read};

use flate2::bufread::ZlibDecoder;

use super::{EXIF, Header, MediaError, PROFILE, PerPixel, array, plays, take};
use crate::media::colour::{Chromaticities, Colours};
use crate::media::facts::LONGEST_XMP;

/// What tells of colours; the one that counts is chosen at the end.
#[derive(Default)]
struct Told {
    /// There was an iCCP chunk, of whatever worth.
    has_profile: bool,
    cicp: Option<[u8; 4]>,
    icc: Option<Vec<u8>>,
    srgb: bool,
    gamma: Option<u32>,
    chromaticities: Option<Chromaticities>,
}

/// Reads the heads of all chunks.
pub(super) fn read(file: &mut BufReader<File>, header: &mut Header) -> Result<PerPixel, MediaError> {
    // Signature, length and name of the first chunk; then what IHDR says.
    let start: [u8; 26] = array(file)?.ok_or(MediaError::Damaged)?;
    match start {
        [0x89, b'P', b'N', b'G', _, _, _, _, _, _, _, _, b'I', b'H', b'D', b'R', ..] => (),
        // How apps of iPhones hold theirs: other programs see colours swapped, or nothing.
        [0x89, b'P', b'N', b'G', _, _, _, _, _, _, _, _, b'C', b'g', b'B', b'I', ..] => {
            return Err(MediaError::RareKind { what: "a PNG from within an iPhone app (CgBI)" });
        }
        _ => return Err(MediaError::Damaged),
    }
    let [.., w0, w1, w2, w3, h0, h1, h2, h3, depth, kind] = start;
    header.width = u32::from_be_bytes([w0, w1, w2, w3]);
    header.height = u32::from_be_bytes([h0, h1, h2, h3]);
    file.seek_relative(3 + 4)?;

    let mut told = Told::default();
    let mut transparent = false;
    let mut frames = 0_u32;
    while let Some([l0, l1, l2, l3, name @ ..]) = array::<8>(file)? {
        let length = u64::from(u32::from_be_bytes([l0, l1, l2, l3]));
        match &name {
            b"IEND" => break,
            b"tRNS" => transparent = true,
            b"fcTL" => frames = frames.saturating_add(1),
            b"eXIf" if header.said.exif.is_none() => {
                header.said.exif = take(file, length, EXIF)?;
                file.seek_relative(4)?;
                continue;
            }
            b"iTXt" if header.said.xmp.is_none() => {
                header.said.xmp = take(file, length, LONGEST_XMP)?.and_then(|text| xmp(&text));
                file.seek_relative(4)?;
                continue;
            }
            // The first profile counts, whatever is in it: inflating thousands of them would take minutes.
            b"iCCP" if told.has_profile => (),
            b"cICP" | b"iCCP" | b"sRGB" | b"gAMA" | b"cHRM" => {
                told.hear(name, take(file, length, PROFILE)?.unwrap_or_default());
                file.seek_relative(4)?;
                continue;
            }
            _ => (),
        }
        file.seek_relative(length.cast_signed() + 4)?; // with the checksum
    }
    header.colours = told.colours();
    header.animated = plays(frames, header.width, header.height);
    let channels = match kind {
        0 if !transparent => 1,
        0 | 4 => 2,
        2 | 3 if !transparent => 3,
        _ => 4,
    };
    let pixels = if depth == 16 { 2 * channels } else { channels };
    Ok(PerPixel { pixels, decoding: 0, converting: 3 })
}

impl Told {
    fn hear(&mut self, name: [u8; 4], data: Vec<u8>) {
        let numbers = || data.as_chunks().0.iter().map(|&bytes| u32::from_be_bytes(bytes));
        match &name {
            b"cICP" => self.cicp = data.try_into().ok(),
            b"iCCP" => (self.has_profile, self.icc) = (true, profile(&data)),
            b"sRGB" => self.srgb = true,
            b"gAMA" => self.gamma = numbers().next(),
            _ => self.chromaticities = numbers().collect::<Vec<_>>().try_into().ok(),
        }
    }

    /// By the precedence of section 4.3.
    fn colours(self) -> Colours {
        match self {
            Self { cicp: Some([primaries, transfer, ..]), .. } => Colours::Coded { primaries, transfer },
            Self { icc: Some(icc), .. } => Colours::Icc(icc),
            Self { srgb: false, gamma, chromaticities, .. } if gamma.is_some() || chromaticities.is_some() => {
                Colours::Measured { gamma, chromaticities }
            }
            _ => Colours::Srgb,
        }
    }
}

/// The XMP packet in an iTXt chunk: a keyword, whether it is compressed and how, a language, the keyword in that, each text
/// with a terminator. XMP is not compressed (ISO 16684-3); where it is, it is not looked at.
fn xmp(chunk: &[u8]) -> Option<Vec<u8>> {
    let rest = chunk.strip_prefix(b"XML:com.adobe.xmp\0\0")?.get(1..)?;
    rest.splitn(3, |byte| *byte == 0).nth(2).map(<[u8]>::to_vec)
}

/// The profile in an iCCP chunk: a name, a zero, the method (zero), compressed data. Inflated as far as a profile may go.
fn profile(chunk: &[u8]) -> Option<Vec<u8>> {
    let name = chunk.iter().take(80).position(|byte| *byte == 0)?;
    let mut profile = Vec::new();
    ZlibDecoder::new(chunk.get(name + 2..)?).take(PROFILE + 1).read_to_end(&mut profile).ok()?;
    (profile.len() as u64 <= PROFILE).then_some(profile)
}
