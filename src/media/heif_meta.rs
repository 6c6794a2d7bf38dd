//! The `meta` box of a HEIC or AVIF file: which images there are, what belongs to which, and what is said of them.

use std::collections::{HashMap, HashSet};

use super::heif::{Cicp, Coding, Edit, Header};
use super::heif_boxes::Cursor;
use super::heif_place::{each_place, place};

/// Most images that one is put together from. 100 megapixels in tiles of 256 × 256 are 1526.
const MOST_PARTS: usize = 4096;

/// Most bytes of the box without its colour profiles. What is kept of them takes several times as much memory.
const MOST_BESIDE_PROFILES: usize = 1 << 20;

/// An image or other thing in the file.
struct Item {
    /// Where the lowest byte of its flags is, when they can say that it is hidden.
    flags_at: Option<u64>,
    flags: u8,
    hidden: bool,
    is_image: bool,
    kind: [u8; 4],
}

/// A property of images, as far as it matters here.
enum Property {
    Size(u32, u32),
    Turns(u8),
    Mirrored,
    Cropped,
    Depth(u8),
    /// AV1: more than 8 bits; and whether 8 bits, in three planes of which two are half as wide and high.
    Av1 {
        deep: bool,
        plain: bool,
    },
    Colours(Cicp, Coding),
    Profile(Vec<u8>),
    /// It says how opaque another image is.
    Opacity,
    Other,
}

/// What images that say how opaque others are call themselves.
const OPACITY: [&[u8]; 3] =
    [b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1", b"urn:mpeg:avc:2015:auxid:1"];

/// A box's type that decoders pass over: what is in it is free space.
pub(super) const FREE: [u8; 4] = *b"free";

/// An image that adds to another: where the type of the reference is that says so, from which, to which.
struct Addition {
    kind_at: u64,
    from: u32,
    to: u32,
}

/// All of it that matters here.
#[derive(Default)]
pub(super) struct Meta {
    primary: Option<u32>,
    items: HashMap<u32, Item>,
    /// From an image to those it is made of, or that say how opaque it is.
    parts: HashMap<u32, Vec<u32>>,
    additions: Vec<Addition>,
    edits: Vec<Edit>,
    properties: Vec<Property>,
    /// The numbers of an image's properties, from 1.
    owned: HashMap<u32, Vec<u16>>,
    /// Where each item's data are: the contents of `iloc`.
    places: Vec<u8>,
}

impl Meta {
    /// `None` when it does not hold together, or says more than [`MOST_BESIDE_PROFILES`].
    pub(super) fn read(mut bytes: Cursor) -> Option<Self> {
        if bytes.rest().len().saturating_sub(bytes_of_profiles(bytes)?) > MOST_BESIDE_PROFILES {
            return None;
        }
        let mut meta = Self::default();
        bytes.u32()?;
        while let Some((kind, mut content)) = bytes.next_box()? {
            match &kind {
                b"hdlr" if *content.skip(8)?.array()? != *b"pict" => return None,
                b"pitm" => {
                    let (version, _) = content.version_and_flags()?;
                    meta.primary = Some(content.number(version > 0)?);
                }
                b"iinf" => meta.read_items(content)?,
                b"iref" => meta.read_references(content)?,
                b"iloc" => meta.places = content.rest().to_vec(),
                b"iprp" => {
                    while let Some((kind, content)) = content.next_box()? {
                        match &kind {
                            b"ipco" => meta.read_properties(content)?,
                            b"ipma" => meta.read_owners(content)?,
                            _ => (),
                        }
                    }
                }
                _ => (),
            }
        }
        meta.sort_additions();
        Some(meta)
    }

    /// Of the images that add to others, only what makes them transparent is a part of them: a gain map, depths or a mask
    /// change nothing of the picture, and some decoders refuse the whole file for one.
    fn sort_additions(&mut self) {
        for Addition { kind_at, from, to } in std::mem::take(&mut self.additions) {
            if self.properties_of(from).any(|property| matches!(property, Property::Opacity)) {
                self.parts.entry(to).or_default().push(from);
            } else {
                self.edits.push(Edit::kind(kind_at, FREE));
            }
        }
    }

    /// `iinf` and its `infe`: ISO/IEC 14496-12, 8.11.6. From version 2 the lowest flag says "hidden" (23008-12, 6.4.2).
    fn read_items(&mut self, mut bytes: Cursor) -> Option<()> {
        let (version, _) = bytes.version_and_flags()?;
        bytes.number(version > 0)?;
        while let Some((kind, mut content)) = bytes.next_box()? {
            if &kind != b"infe" {
                continue;
            }
            let (version, flags) = content.version_and_flags()?;
            let flags_at = (version >= 2).then(|| content.at() - 1);
            let id = content.number(version > 2)?;
            content.u16()?;
            let kind = if version >= 2 { *content.array()? } else { [0; 4] };
            let is_image = version >= 2 && !matches!(&kind, b"Exif" | b"mime" | b"uri ");
            let [.., lowest] = flags.to_be_bytes();
            self.items.insert(id, Item { flags_at, flags: lowest, hidden: flags & 1 == 1, is_image, kind });
        }
        Some(())
    }

    /// `iref`: 14496-12, 8.11.12. A picture is made of (`dimg`) others; transparency says of itself whom it belongs to
    /// (`auxl`), and so do thumbnails (`thmb`) and descriptions (`cdsc`), which decoders are better spared: libheif 1.15 to
    /// 1.17 refuse a file in which one of these belongs to more than one image, as in those of iPhones since iOS 18.
    fn read_references(&mut self, mut bytes: Cursor) -> Option<()> {
        let (version, _) = bytes.version_and_flags()?;
        loop {
            let kind_at = bytes.at() + 4;
            let Some((kind, mut content)) = bytes.next_box()? else {
                return Some(());
            };
            let from = content.number(version > 0)?;
            let count = content.u16()?;
            for _ in 0..count {
                let to = content.number(version > 0)?;
                match &kind {
                    b"dimg" => self.parts.entry(from).or_default().push(to),
                    b"auxl" if count == 1 => self.additions.push(Addition { kind_at, from, to }),
                    _ => (),
                }
            }
            if matches!(&kind, b"thmb" | b"cdsc") || &kind == b"auxl" && count != 1 {
                self.edits.push(Edit::kind(kind_at, FREE));
            }
        }
    }

    /// `ipco`: 23008-12, 6.5; `colr` in 14496-12, 12.1.5; depths also as the codecs' own boxes say them.
    fn read_properties(&mut self, mut bytes: Cursor) -> Option<()> {
        loop {
            let kind_at = bytes.at() + 4;
            let Some((kind, mut content)) = bytes.next_box()? else {
                return Some(());
            };
            self.properties.push(match &kind {
                b"ispe" => {
                    content.u32()?;
                    Property::Size(content.u32()?, content.u32()?)
                }
                b"irot" => Property::Turns(content.u8()? & 3),
                b"imir" => Property::Mirrored,
                b"clap" => Property::Cropped,
                b"pixi" => {
                    content.u32()?;
                    let channels = usize::from(content.u8()?);
                    Property::Depth(content.take(channels)?.iter().copied().max().unwrap_or(8))
                }
                b"hvcC" => Property::Depth(8 + (content.skip(17)?.u8()? & 7)),
                // seq_profile … high_bitdepth, twelve_bit (AV1 in ISOBMFF, 2.3.3).
                b"av1C" => {
                    let flags = content.skip(2)?.u8()?;
                    Property::Av1 { deep: flags & 0x40 != 0, plain: flags & 0x7C == 0x0C }
                }
                b"colr" => match content.array()? {
                    b"nclx" => {
                        let cicp = Cicp { primaries: content.u16()?, transfer: content.u16()? };
                        let matrix = content.u16().unwrap_or(Coding::UNSAID);
                        Property::Colours(cicp, Coding { matrix, full_range: content.u8().unwrap_or(0) & 0x80 != 0 })
                    }
                    b"prof" | b"rICC" => {
                        // The decoder writes it into its PNG, and fails with one that libpng does not like.
                        self.edits.push(Edit::kind(kind_at, FREE));
                        Property::Profile(content.rest().to_vec())
                    }
                    _ => Property::Other,
                },
                b"auxC" => {
                    let said = content.skip(4)?.rest();
                    let said = said.split(|&byte| byte == 0).next().unwrap_or_default();
                    if OPACITY.contains(&said) { Property::Opacity } else { Property::Other }
                }
                _ => Property::Other,
            });
        }
    }

    /// `ipma`: 23008-12, 9.3.
    fn read_owners(&mut self, mut bytes: Cursor) -> Option<()> {
        let (version, flags) = bytes.version_and_flags()?;
        for _ in 0..bytes.u32()? {
            let owned = self.owned.entry(bytes.number(version > 0)?).or_default();
            // An item stands here once, hence with no more of them than a byte counts (9.3.1). Each use of a part looks them
            // through.
            if !owned.is_empty() {
                return None;
            }
            for _ in 0..bytes.u8()? {
                let at = bytes.at();
                let said = if flags & 1 == 1 { bytes.u16()? } else { u16::from(bytes.u8()?) << 8 };
                let number = if flags & 1 == 1 { said & 0x7FFF } else { said >> 8 & 0x7F };
                let property = usize::from(number).checked_sub(1).and_then(|at| self.properties.get(at));
                // Free space cannot be what nobody may pass over.
                if said & 0x8000 != 0 && matches!(property, Some(Property::Profile(_))) {
                    let [byte, _] = (said & 0x7FFF).to_be_bytes();
                    self.edits.push(Edit { at, bytes: vec![byte] });
                }
                owned.push(number);
            }
        }
        Some(())
    }

    fn properties_of(&self, item: u32) -> impl Iterator<Item = &Property> {
        let numbers = self.owned.get(&item).map(Vec::as_slice).unwrap_or_default();
        numbers.iter().filter_map(|number| self.properties.get(usize::from(*number).checked_sub(1)?))
    }

    fn size_of(&self, item: u32) -> Option<(u32, u32)> {
        self.properties_of(item).find_map(|property| match property {
            Property::Size(width, height) => Some((*width, *height)),
            _ => None,
        })
    }

    /// Pixels of this image and of all that it is made of, as often as they are used.
    fn work(&self, item: u32) -> Option<u64> {
        let mut waiting = vec![item];
        let mut pixels = 0_u64;
        for _ in 0..MOST_PARTS {
            let Some(item) = waiting.pop() else {
                return Some(pixels);
            };
            let (width, height) = self.size_of(item)?;
            pixels = pixels.saturating_add(u64::from(width) * u64::from(height));
            waiting.extend(self.parts.get(&item).map(Vec::as_slice).unwrap_or_default());
            if waiting.len() > MOST_PARTS {
                break;
            }
        }
        None
    }

    /// What is known of the primary image.
    pub(super) fn header(&self) -> Option<Header> {
        let primary = self.primary?;
        if !self.items.get(&primary)?.is_image {
            return None;
        }
        let (width, height) = self.size_of(primary)?;
        let mut header = Header {
            width,
            height,
            turned: false,
            deep: false,
            cicp: None,
            profile: None,
            plain: None,
            work: self.work(primary)?,
            edits: self.edits(primary),
            cut_off: false,
            codec: self.codec(primary),
        };
        // A picture of tiles may leave its depth to them.
        let tile = self.parts.get(&primary).and_then(|parts| parts.first());
        for property in self.properties_of(primary).chain(tile.into_iter().flat_map(|tile| self.properties_of(*tile))) {
            match property {
                Property::Depth(bits) => header.deep |= *bits > 8,
                Property::Av1 { deep, .. } => header.deep |= *deep,
                Property::Colours(cicp, _) => header.cicp = header.cicp.or(Some(*cicp)),
                Property::Profile(icc) => header.profile = header.profile.take().or_else(|| Some(icc.clone())),
                _ => (),
            }
        }
        for property in self.properties_of(primary) {
            if let Property::Turns(quarters) = property {
                header.turned ^= quarters % 2 == 1;
            }
        }
        // 2 is "not said", which everybody takes for sRGB.
        header.cicp = header.cicp.filter(|cicp| (cicp.primaries, cicp.transfer) != (2, 2));
        if self.is_plain(primary)? {
            header.plain = self.properties_of(primary).find_map(|property| match property {
                Property::Colours(_, coding) => Some(*coding),
                _ => None,
            });
        }
        Some(header)
    }

    /// As [`Header::plain`] says it, however it is coded. What is turned or mirrored has whole pairs of pixels.
    fn is_plain(&self, primary: u32) -> Option<bool> {
        let (width, height) = self.size_of(primary)?;
        let mut parts = self.parts.get(&primary).into_iter().flatten();
        let opaque = !parts.any(|part| self.properties_of(*part).any(|property| matches!(property, Property::Opacity)));
        let mut plain = false;
        for property in self.properties_of(primary) {
            match property {
                Property::Av1 { plain: found, .. } => plain = *found,
                Property::Cropped => return Some(false),
                Property::Turns(1..) | Property::Mirrored if width % 2 == 1 || height % 2 == 1 => return Some(false),
                _ => (),
            }
        }
        Some(plain && opaque && self.items.get(&primary)?.kind == *b"av01")
    }

    /// Where in the file the data of a primary image begin that is plain.
    pub(super) fn plain_data(&self) -> Option<u64> {
        let primary = self.primary?;
        self.is_plain(primary)?.then(|| place(&self.places, primary.into())?.begin()).flatten()
    }

    /// What makes the file one that old decoders read: see [`Header::edits`].
    fn edits(&self, primary: u32) -> Vec<Edit> {
        let shown = self.items.iter().filter(|(id, item)| **id != primary && item.is_image && !item.hidden);
        let hidden = shown.filter_map(|(_, item)| Some(Edit { at: item.flags_at?, bytes: vec![item.flags | 1] }));
        hidden.chain(self.edits.iter().cloned()).collect()
    }

    /// How the primary image is coded, or what it is made of.
    fn codec(&self, primary: u32) -> [u8; 4] {
        let part = self.parts.get(&primary).and_then(|parts| self.items.get(parts.first()?));
        let own = self.items.get(&primary).filter(|item| matches!(&item.kind, b"av01" | b"hvc1") || part.is_none());
        own.or(part).map_or(FREE, |item| item.kind)
    }

    /// Where in the file the last byte is of the primary image and of what it is made of.
    pub(super) fn reach(&self) -> u64 {
        let parts = self.primary.and_then(|primary| self.parts.get(&primary));
        let wanted: HashSet<u64> =
            self.primary.iter().chain(parts.into_iter().flatten()).map(|&id| id.into()).collect();
        let mut reach = 0;
        each_place(&self.places, |item, place| {
            if wanted.contains(&item) && !place.in_meta {
                let ends = place.extents.iter().map(|(at, length)| at.saturating_add(*length));
                reach = ends.max().unwrap_or(0).max(reach);
            }
        });
        reach
    }
}

/// How many bytes of a `meta` box are colour profiles.
fn bytes_of_profiles(mut meta: Cursor) -> Option<usize> {
    meta.u32()?;
    let mut profiles = 0;
    while let Some((kind, mut content)) = meta.next_box()? {
        if &kind != b"iprp" {
            continue;
        }
        while let Some((kind, mut content)) = content.next_box()? {
            if &kind != b"ipco" {
                continue;
            }
            while let Some((kind, mut content)) = content.next_box()? {
                if &kind == b"colr" && matches!(content.array()?, b"prof" | b"rICC") {
                    profiles += content.rest().len();
                }
            }
        }
    }
    Some(profiles)
}
