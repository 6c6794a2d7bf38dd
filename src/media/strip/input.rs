//! Reading and writing in small pieces.
//!
//! Lengths in a file are claims: nothing here reserves memory before the bytes are there.

use std::io::{self, BufRead, Read, Seek, Write};

use crate::media::MediaError;

/// The next bytes of a file.
pub(super) trait Input: BufRead + Seek + Sized {
    /// The next `N` bytes.
    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// The next byte, if the file has one.
    fn byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.fill_buf()?.first().copied();
        self.consume(usize::from(byte.is_some()));
        Ok(byte)
    }

    /// The next `length` bytes; fewer where the file ends.
    fn at_most(&mut self, length: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.by_ref().take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The next `length` bytes.
    fn exactly(&mut self, length: u64) -> io::Result<Vec<u8>> {
        let bytes = self.at_most(length)?;
        if bytes.len() as u64 == length { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Passes over `length` bytes, even past the end: the next read will find nothing there.
    fn skip(&mut self, length: u64) -> io::Result<()> {
        let length = i64::try_from(length).map_err(|_| io::ErrorKind::InvalidData)?;
        self.seek_relative(length)
    }

    /// Passes the next `length` bytes to `each`, piece by piece.
    fn pieces(&mut self, length: u64, mut each: impl FnMut(&[u8]) -> Result<(), MediaError>) -> Result<(), MediaError> {
        let mut left = length;
        while left > 0 {
            let buffer = self.fill_buf()?;
            let piece = usize::try_from(left).ok().and_then(|left| buffer.get(..left)).unwrap_or(buffer);
            if piece.is_empty() {
                return Err(MediaError::Damaged);
            }
            each(piece)?;
            let read = piece.len();
            self.consume(read);
            left -= read as u64;
        }
        Ok(())
    }
}

impl<T: BufRead + Seek> Input for T {}

/// A file that goes to places. Going a little way costs nothing: `Seek::seek` would read the whole buffer again, which
/// took 160 s for six million frames.
pub(super) struct Placed<'a, I> {
    file: &'a mut I,
    at: u64,
}

impl<'a, I: Input> Placed<'a, I> {
    /// From the file's start.
    pub fn new(file: &'a mut I) -> io::Result<Self> {
        file.rewind()?;
        Ok(Self { file, at: 0 })
    }

    /// Goes to this place, even past the end.
    pub fn go_to(&mut self, place: u64) -> io::Result<()> {
        self.file.seek_relative(place.wrapping_sub(self.at).cast_signed())?;
        self.at = place;
        Ok(())
    }

    /// See [`Input::array`].
    pub fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let bytes = self.file.array()?;
        self.at += N as u64;
        Ok(bytes)
    }

    /// See [`Input::at_most`].
    pub fn at_most(&mut self, length: u64) -> io::Result<Vec<u8>> {
        let bytes = self.file.at_most(length)?;
        self.at += bytes.len() as u64;
        Ok(bytes)
    }

    /// See [`Input::pieces`].
    pub fn pieces(&mut self, length: u64, each: impl FnMut(&[u8]) -> Result<(), MediaError>) -> Result<(), MediaError> {
        self.file.pieces(length, each)?;
        self.at += length;
        Ok(())
    }
}

/// Writes; whatever goes wrong then is not the photo's fault.
pub(super) fn put(out: &mut impl Write, bytes: &[u8]) -> Result<(), MediaError> {
    out.write_all(bytes).map_err(MediaError::Internal)
}
