//! A cursor over the boxes of an ISO base media file (ISO/IEC 14496-12, section 4.2) that never reads past its end.

/// Bytes still to be read, and where in the file they are.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    at: u64,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], at: u64) -> Self {
        Self { rest: bytes, at }
    }

    /// Where in the file the next byte is.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        self.at += u64::try_from(length).ok()?;
        Some(taken)
    }

    /// All that is left.
    pub(super) fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn skip(&mut self, length: usize) -> Option<&mut Self> {
        self.take(length).map(|_| self)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        self.take(N)?.first_chunk()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| *byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().copied().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().copied().map(u32::from_be_bytes)
    }

    /// A number of four bytes or of two: later versions of boxes count in larger ones.
    pub(super) fn number(&mut self, long: bool) -> Option<u32> {
        if long { self.u32() } else { self.u16().map(u32::from) }
    }

    /// The beginning of a full box.
    pub(super) fn version_and_flags(&mut self) -> Option<(u8, u32)> {
        let both = self.u32()?;
        Some((u8::try_from(both >> 24).ok()?, both & 0x00FF_FFFF))
    }

    /// The next box's kind and contents; `Some(None)` at the end, `None` when it does not fit.
    pub(super) fn next_box(&mut self) -> Option<Option<([u8; 4], Cursor<'a>)>> {
        if self.rest.is_empty() {
            return Some(None);
        }
        let size = self.u32()?;
        let kind = *self.array()?;
        let length = match size {
            0 => self.rest.len(),
            1 => usize::try_from(u64::from_be_bytes(*self.array()?)).ok()?.checked_sub(16)?,
            size => usize::try_from(size).ok()?.checked_sub(8)?,
        };
        let at = self.at;
        Some(Some((kind, Cursor::new(self.take(length)?, at))))
    }
}
