//! Where in a HEIC or AVIF file the data of an item are: the box `iloc`, ISO/IEC 14496-12, 8.11.3.

/// Where an item is.
pub(super) struct Location {
    /// In the box `idat` beside the descriptions, else in the file.
    pub in_meta: bool,
    /// Offsets and lengths.
    pub extents: Vec<(u64, u64)>,
}

impl Location {
    /// Where in the file it begins.
    pub fn begin(&self) -> Option<u64> {
        self.extents.first().filter(|_| !self.in_meta).map(|(at, _)| *at)
    }
}

/// Where the item with this number is, by the box `iloc`.
pub(super) fn place(iloc: &[u8], wanted: u64) -> Option<Location> {
    let mut found = None;
    each_place(iloc, |item, place| {
        if item == wanted && found.is_none() {
            found = Some(place);
        }
    });
    found
}

/// Calls `visit` with each item's number and place, by the box `iloc`, as far as that can be read.
pub(super) fn each_place(iloc: &[u8], visit: impl FnMut(u64, Location)) {
    // What follows a broken entry has no beginning.
    let _ = walk(iloc, visit);
}

fn walk(mut iloc: &[u8], mut visit: impl FnMut(u64, Location)) -> Option<()> {
    let version = number(&mut iloc, 4)? >> 24;
    let sizes = number(&mut iloc, 2)?;
    let nibble = |shift: u32| usize::try_from(sizes >> shift & 15).unwrap_or(0);
    let (offset_size, length_size, base_size) = (nibble(12), nibble(8), nibble(4));
    let index_size = if version == 0 { 0 } else { nibble(0) };
    let wide = if version < 2 { 2 } else { 4 };
    for _ in 0..number(&mut iloc, wide)? {
        let item = number(&mut iloc, wide)?;
        let method = if version == 0 { 0 } else { number(&mut iloc, 2)? & 15 };
        let _other_file = number(&mut iloc, 2)?;
        let base = number(&mut iloc, base_size)?;
        let count = number(&mut iloc, 2)?;
        // Extents that take no bytes of this box cost nothing to claim: a million items could have 65 535 each.
        if count > 1 && offset_size + length_size == 0 {
            return None;
        }
        let mut extents = Vec::new();
        for _ in 0..count {
            let _index = number(&mut iloc, index_size)?;
            let offset = base.checked_add(number(&mut iloc, offset_size)?)?;
            extents.push((offset, number(&mut iloc, length_size)?));
        }
        if method < 2 {
            visit(item, Location { in_meta: method == 1, extents });
        }
    }
    Some(())
}

/// Takes a big-endian number of this many bytes, 8 at most; of none, 0.
pub(super) fn number(bytes: &mut &[u8], size: usize) -> Option<u64> {
    let taken = bytes.split_off(..size)?;
    (size <= 8).then(|| taken.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}
