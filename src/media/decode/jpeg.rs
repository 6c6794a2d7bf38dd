//! JPEG pixels, by zune-jpeg without `image` around it: that keeps the file twice as long in memory, and makes RGB of inks
//! before their colour profile could be asked. Those of a large photo by jpeg-decoder, which can make fewer of them by a
//! shorter transform: see `benches/README.md` for what was measured.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use image::{DynamicImage, GrayImage, RgbImage, RgbaImage};
use jpeg_decoder::PixelFormat;
use zune_core::bytestream::{ZByteReaderTrait, ZCursor};
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use super::{Inks, Pixels, standard_tables};
use crate::media::MediaError;
use crate::media::error::internal;
use crate::media::headers::{Header, jpeg_has_end};
use crate::media::renditions::{LARGEST_STILL, fitted};

/// Which part of the rows may be missing at the end, as 1/n of them, before a photo is called damaged.
const MISSING_ROWS: usize = 20;

/// Most scans of a progressive photo: encoders write about ten. Each costs a walk over all pixels.
const SCANS: usize = 64;

/// A file of up to so many bytes is read whole, which is a little faster; a larger one, which may have gigabytes of anything
/// behind its picture, as its decoding goes on.
pub(in crate::media) const READ_WHOLE: u64 = 64 << 20;

/// The pixels of the JPEG at `path`.
pub(super) fn pixels(path: &Path, header: &Header) -> Result<Pixels, MediaError> {
    let mut file = File::open(path).map_err(MediaError::Internal)?;
    if file.metadata().map_err(MediaError::Internal)?.len() > READ_WHOLE && !header.standard_tables {
        return decoded(BufReader::new(file), path, header);
    }
    let mut whole = Vec::new();
    let mut reader = with_tables(&mut file, header)?.take(READ_WHOLE);
    reader.read_to_end(&mut whole).map_err(MediaError::Internal)?;
    decoded(ZCursor::new(whole), path, header)
}

/// The file, with the tables in it that it means where it has none. (A larger one than [`READ_WHOLE`] that has none is cut.)
fn with_tables<'a>(mut file: impl Read + 'a, header: &Header) -> io::Result<Box<dyn Read + 'a>> {
    if !header.standard_tables {
        return Ok(Box::new(file));
    }
    // They go behind the marker that every JPEG begins with.
    let mut start = vec![0; 2];
    file.read_exact(&mut start)?;
    start.extend(standard_tables::segment());
    Ok(Box::new(io::Cursor::new(start).chain(file)))
}

fn decoded(reader: impl ZByteReaderTrait, path: &Path, header: &Header) -> Result<Pixels, MediaError> {
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .jpeg_set_max_scans(SCANS);
    let mut decoder = JpegDecoder::new_with_options(reader, options);
    decoder.decode_headers()?;
    let stored = decoder.input_colorspace().ok_or(MediaError::Damaged)?;
    let (wanted, inks) = match stored {
        ColorSpace::Luma => (stored, None),
        ColorSpace::CMYK | ColorSpace::YCCK => {
            let differences = stored == ColorSpace::YCCK;
            // Adobe's programs, alone, write their segment and store inks inverted.
            (stored, Some(Inks { differences, inverted: header.adobe }))
        }
        ColorSpace::YCbCr | ColorSpace::RGB => (ColorSpace::RGB, None),
        _ => return Err(MediaError::Damaged),
    };
    decoder.set_options(options.jpeg_set_out_colorspace(wanted));
    // The size that counts is the one checked before.
    let size = decoder.info().map(|info| (u32::from(info.width), u32::from(info.height)));
    let area = header.width as usize * header.height as usize;
    if size != Some((header.width, header.height)) {
        return Err(MediaError::Damaged);
    }
    let mut bytes = vec![0; area * wanted.num_components()];
    decoder.decode_into(&mut bytes)?;
    drop(decoder);

    // A progressive one that ends too early has all its rows, but only coarsely.
    let suspicious = header.buffered && !header.has_all_scans || is_cut_off(&bytes);
    if suspicious && !jpeg_has_end(path).map_err(MediaError::Internal)? {
        return Err(MediaError::Damaged);
    }
    let (width, height) = (header.width, header.height);
    let image = match wanted {
        ColorSpace::Luma => GrayImage::from_raw(width, height, bytes).map(DynamicImage::from),
        ColorSpace::RGB => RgbImage::from_raw(width, height, bytes).map(DynamicImage::from),
        _ => RgbaImage::from_raw(width, height, bytes).map(DynamicImage::from),
    };
    Ok(Pixels { image: image.ok_or_else(|| internal("pixels of another size"))?, inks })
}

/// The pixels of the JPEG at `path`, which is large and has no inks, at the smallest of a half, a quarter or an eighth of its
/// size from which the largest rendition can be made.
pub(super) fn smaller_pixels(path: &Path, header: &Header) -> Result<Pixels, MediaError> {
    let file = BufReader::new(File::open(path).map_err(MediaError::Internal)?);
    let mut decoder = jpeg_decoder::Decoder::new(with_tables(file, header)?);
    decoder.read_info()?;
    let size = decoder.info().map(|info| (info.width.into(), info.height.into()));
    if size != Some((header.width, header.height)) {
        return Err(MediaError::Damaged);
    }
    let (width, height) = fitted(header.width, header.height, LARGEST_STILL);
    let edge = |edge: u32| u16::try_from(edge).map_err(internal);
    let (width, height) = decoder.scale(edge(width)?, edge(height)?)?;
    let format = decoder.info().map(|info| info.pixel_format);
    let bytes = decoder.decode()?;
    let (width, height) = (width.into(), height.into());
    let image = match format {
        Some(PixelFormat::L8) => GrayImage::from_raw(width, height, bytes).map(DynamicImage::from),
        Some(PixelFormat::RGB24) => RgbImage::from_raw(width, height, bytes).map(DynamicImage::from),
        _ => None,
    };
    Ok(Pixels { image: image.ok_or(MediaError::Damaged)?, inks: None })
}

impl From<jpeg_decoder::Error> for MediaError {
    fn from(_: jpeg_decoder::Error) -> Self {
        Self::Damaged
    }
}

/// Whether rows seem to be missing at the end: the decoder fills what it does not find with mid grey.
fn is_cut_off(bytes: &[u8]) -> bool {
    bytes.iter().rev().take(bytes.len() / MISSING_ROWS + 1).all(|&byte| byte == 128)
}

impl From<DecodeErrors> for MediaError {
    fn from(_: DecodeErrors) -> Self {
        Self::Damaged
    }
}
