//! What the scans of a progressive JPEG tell together, by their heads: ITU-T T.81, B.2.3 and G.1.1.

use std::collections::BTreeMap;

/// Coefficients of a block.
const COEFFICIENTS: usize = 64;

/// Which bits of each component's coefficients the scans so far have told.
#[derive(Default)]
pub(super) struct Scans {
    /// For each coefficient how many of its lowest bits are still missing.
    missing: BTreeMap<u8, [u8; COEFFICIENTS]>,
    last_refines: bool,
    count: usize,
}

impl Scans {
    /// The contents of a scan's head: its components with their tables, the first and last coefficient, and the bits that
    /// were missing and are now.
    pub(super) fn add(&mut self, head: &[u8]) {
        self.count += 1;
        let Some((&count, rest)) = head.split_first() else { return };
        let Some((components, &[first, last, bits, ..])) = rest.split_at_checked(2 * usize::from(count)) else {
            return;
        };
        for [component, _tables] in components.as_chunks().0 {
            let missing = self.missing.entry(*component).or_insert([u8::MAX; COEFFICIENTS]);
            let told = missing.iter_mut().take(usize::from(last) + 1).skip(usize::from(first));
            told.for_each(|missing| *missing = bits & 15);
        }
        self.last_refines = bits >> 4 > 0;
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Whether they tell all of this many components, the last scan only lowest bits: where the file ends within that, there
    /// is nothing to see of it.
    pub(super) fn are_all(&self, components: usize) -> bool {
        self.last_refines
            && self.missing.len() == components
            && self.missing.values().flatten().all(|missing| *missing == 0)
    }
}
