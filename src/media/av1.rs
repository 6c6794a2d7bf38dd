//! How an AV1 picture's colours are coded, by the sequence header that its data begin with: AV1 specification, 5.3 and 5.5.

use super::heif::Coding;

/// `OBU_SEQUENCE_HEADER`.
const SEQUENCE_HEADER: u32 = 1;

/// Bytes of the data that are enough to find it in.
pub(super) const ENOUGH: u64 = 128;

/// Bits that are still to be read.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next `count` bits, at most 32, as a number.
    fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    fn flag(&mut self) -> Option<bool> {
        self.take(1).map(|bit| bit == 1)
    }
}

/// What the first sequence header in these data says; `None` where there is none, or one that films have.
pub(super) fn coding(mut data: &[u8]) -> Option<Coding> {
    while let Some((&head, rest)) = data.split_first() {
        let (kind, extended, sized) = (u32::from(head >> 3 & 15), head & 4 != 0, head & 2 != 0);
        data = if extended { rest.get(1..)? } else { rest };
        let length = if sized { leb128(&mut data)? } else { data.len() };
        if kind == SEQUENCE_HEADER {
            return sequence_header(&mut Bits { bytes: data.get(..length.min(data.len()))?, at: 0 });
        }
        data = data.get(length..)?;
    }
    None
}

fn leb128(data: &mut &[u8]) -> Option<usize> {
    let mut value = 0;
    for place in 0..4 {
        let (&byte, rest) = data.split_first()?;
        *data = rest;
        value |= usize::from(byte & 0x7F) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// `sequence_header_obu()`, as far as the colours.
fn sequence_header(bits: &mut Bits) -> Option<Coding> {
    let profile = bits.take(3)?;
    let _still = bits.flag()?;
    let reduced = bits.flag()?;
    if reduced {
        bits.take(5)?;
    } else {
        operating_points(bits)?;
    }
    let (wide, high) = (bits.take(4)? as usize + 1, bits.take(4)? as usize + 1);
    bits.take(wide)?;
    bits.take(high)?;
    if !reduced && bits.flag()? {
        bits.take(7)?;
    }
    bits.take(3)?;
    if !reduced {
        tools(bits)?;
    }
    bits.take(3)?;
    colour_config(bits, profile)
}

/// Up to `operating_points_cnt_minus_1` and its loop. Pictures have no timing.
fn operating_points(bits: &mut Bits) -> Option<()> {
    if bits.flag()? {
        return None;
    }
    let delays = bits.flag()?;
    for _ in 0..=bits.take(5)? {
        bits.take(12)?;
        if bits.take(5)? > 7 {
            bits.take(1)?;
        }
        if delays && bits.flag()? {
            bits.take(4)?;
        }
    }
    Some(())
}

/// From `enable_interintra_compound` to `order_hint_bits_minus_1`.
fn tools(bits: &mut Bits) -> Option<()> {
    bits.take(4)?;
    let ordered = bits.flag()?;
    if ordered {
        bits.take(2)?;
    }
    // "Chosen by each frame" is 2.
    let screen_content = if bits.flag()? { 2 } else { bits.take(1)? };
    if screen_content > 0 && !bits.flag()? {
        bits.take(1)?;
    }
    if ordered {
        bits.take(3)?;
    }
    Some(())
}

/// `color_config()` of 8 bits and 4:2:0; `None` for any other.
fn colour_config(bits: &mut Bits, profile: u32) -> Option<Coding> {
    let (deep, monochrome) = (bits.flag()?, bits.flag()?);
    if profile != 0 || deep || monochrome {
        return None;
    }
    let mut matrix = Coding::UNSAID;
    if bits.flag()? {
        bits.take(16)?;
        matrix = u16::try_from(bits.take(8)?).ok()?;
    }
    Some(Coding { matrix, full_range: bits.flag()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_pictures_are_understood() {
        // Of a reduced header, 1204 × 800, by the codes 1, 13, 9.
        let fox = [0x0A, 0x0A, 0x19, 0x6A, 0x65, 0x9E, 0x3F, 0xC1, 0x01, 0x0D, 0x09, 0x04];
        assert_eq!(coding(&fox), Some(Coding { matrix: 9, full_range: false }));
        for length in 0..fox.len() {
            let _ = coding(&fox[..length]);
        }
        assert_eq!(coding(&[]), None);
        assert_eq!(coding(&[0x12, 0x00]), None, "a temporal delimiter alone");
    }

    #[test]
    fn rubbish_is_no_header() {
        for seed in 0..2000_u32 {
            let bytes: Vec<u8> =
                (0..40).map(|n| (seed.wrapping_mul(2_654_435_761).rotate_left(n * 3) >> 7) as u8).collect();
            let _ = coding(&bytes);
        }
    }
}
