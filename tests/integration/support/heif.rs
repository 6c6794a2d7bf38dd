//! HEIC and AVIF files as phones and programs write them, around a picture that `heif-enc` coded.

/// A file to be put together: one coded picture, and what else is said.
#[derive(Clone)]
pub struct Heif {
    brands: Vec<[u8; 4]>,
    items: Vec<Item>,
    properties: Vec<Vec<u8>>,
    references: Vec<(&'static [u8; 4], u16, Vec<u16>)>,
    behind: Vec<u8>,
}

#[derive(Clone)]
struct Item {
    id: u16,
    kind: [u8; 4],
    hidden: bool,
    /// Numbers from 1, with the highest bit where they are essential.
    properties: Vec<u8>,
    /// What stands behind its kind: the type of what is `mime`.
    says: &'static [u8],
    data: Vec<u8>,
}

/// The primary image.
const PICTURE: u16 = 50;

pub fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).unwrap();
    [&size.to_be_bytes(), kind.as_slice(), content].concat()
}

impl Heif {
    /// The one picture of this file, which is no grid: its edges are multiples of 64.
    pub fn of(encoded: &[u8]) -> Self {
        let found = |kind: &[u8; 4]| {
            let at = encoded.windows(4).position(|bytes| bytes == kind)?;
            let size = u32::from_be_bytes(encoded[at - 4..at].try_into().unwrap()) as usize;
            Some(encoded[at - 4..at - 4 + size].to_vec())
        };
        let (codec, kind) = found(b"hvcC").map_or_else(|| (found(b"av1C"), *b"av01"), |codec| (Some(codec), *b"hvc1"));
        assert_eq!(found(b"grid"), None);
        let brand = if kind == *b"hvc1" { *b"heic" } else { *b"avif" };
        let data = found(b"mdat").unwrap()[8..].to_vec();
        let picture = Item { id: PICTURE, kind, hidden: false, properties: vec![0x81, 2], says: b"", data };
        Self {
            brands: vec![brand, *b"mif1", brand],
            items: vec![picture],
            properties: vec![codec.unwrap(), found(b"ispe").unwrap()],
            references: Vec::new(),
            behind: Vec::new(),
        }
    }

    /// With these brands, the major one first.
    pub fn brands(mut self, brands: &[&[u8; 4]]) -> Self {
        self.brands = brands.iter().map(|brand| **brand).collect();
        self
    }

    /// With a property of the primary image, that nobody may pass over.
    pub fn property(mut self, property: Vec<u8>) -> Self {
        self.properties.push(property);
        let number = 0x80 | u8::try_from(self.properties.len()).unwrap();
        self.items[0].properties.push(number);
        self
    }

    /// With this colour profile.
    pub fn profile(self, icc: &[u8]) -> Self {
        self.property(boxed(b"colr", &[b"prof", icc].concat()))
    }

    /// As iPhones write since iOS 18: a gain map, a thumbnail and descriptions that belong to the picture and to a `tmap`.
    pub fn of_a_phone(mut self, exif: &[u8], xmp: &[u8]) -> Self {
        self.properties.push(boxed(b"auxC", b"\0\0\0\0urn:com:apple:photo:2020:aux:hdrgainmap\0"));
        let auxiliary = u8::try_from(self.properties.len()).unwrap();
        let picture = self.items[0].clone();
        let exif = [[0, 0, 0, 6].as_slice(), b"Exif\0\0", exif].concat();
        let gain_map = Item { id: 60, hidden: true, properties: vec![0x81, 2, auxiliary], ..picture.clone() };
        let thumbnail = Item { id: 90, properties: vec![0x81, 2], ..picture.clone() };
        let other = |id, kind: &[u8; 4], says, data: &[u8]| {
            let properties = if kind == b"tmap" { vec![2] } else { Vec::new() };
            Item { id, kind: *kind, hidden: false, properties, says, data: data.to_vec() }
        };
        let tone_map = other(70, b"tmap", b"", &[0; 62]);
        let exif = other(95, b"Exif", b"", &exif);
        let xmp = other(96, b"mime", b"application/rdf+xml\0", xmp);
        self.items.extend([gain_map, tone_map, thumbnail, exif, xmp]);
        self.references.extend([
            (b"dimg", 70, vec![PICTURE, 60]),
            (b"auxl", 60, vec![PICTURE, 70]),
            (b"thmb", 90, vec![PICTURE, 70]),
            (b"cdsc", 95, vec![PICTURE, 70]),
            (b"cdsc", 96, vec![PICTURE, 70]),
        ]);
        self.brands.push(*b"tmap");
        self
    }

    /// With a film behind it, as animated ones have.
    pub fn with_film(mut self) -> Self {
        self.behind = boxed(b"moov", &boxed(b"mvhd", &[0; 100]));
        self
    }

    pub fn build(&self) -> Vec<u8> {
        let brands = self.brands.iter().skip(1).flatten().copied().collect::<Vec<_>>();
        let ftyp = boxed(b"ftyp", &[self.brands[0].as_slice(), &[0; 4], &brands].concat());
        let begin = ftyp.len() + self.meta(0).len() + 8;
        let data = self.items.iter().flat_map(|item| item.data.clone()).collect::<Vec<_>>();
        [ftyp, self.meta(begin), boxed(b"mdat", &data), self.behind.clone()].concat()
    }

    fn meta(&self, mut begin: usize) -> Vec<u8> {
        let count = [0, u8::try_from(self.items.len()).unwrap()];
        let (mut infe, mut iloc, mut ipma) = (Vec::new(), vec![0, 0, 0, 0, 0x44, 0], vec![0; 6]);
        iloc.extend(count);
        ipma.extend(count);
        for item in &self.items {
            let id = item.id.to_be_bytes();
            let flags = [2, 0, 0, item.hidden.into()];
            infe.extend(boxed(b"infe", &[&flags, id.as_slice(), &[0; 2], &item.kind, &[0], item.says].concat()));
            let place = [begin, item.data.len()].map(|number| u32::try_from(number).unwrap().to_be_bytes()).concat();
            iloc.extend([id.as_slice(), &[0, 0, 0, 1], &place].concat());
            begin += item.data.len();
            ipma.extend([id.as_slice(), &[u8::try_from(item.properties.len()).unwrap()], &item.properties].concat());
        }
        let iref = self.references.iter().flat_map(|(kind, from, to)| {
            let numbers = [*from, u16::try_from(to.len()).unwrap()].into_iter().chain(to.iter().copied());
            boxed(kind, &numbers.flat_map(u16::to_be_bytes).collect::<Vec<_>>())
        });
        let hdlr = [b"\0\0\0\0\0\0\0\0pict".as_slice(), &[0; 13]].concat();
        let iprp = [boxed(b"ipco", &self.properties.concat()), boxed(b"ipma", &ipma)].concat();
        let parts = [
            vec![0; 4],
            boxed(b"hdlr", &hdlr),
            boxed(b"pitm", &[&[0; 4], PICTURE.to_be_bytes().as_slice()].concat()),
            boxed(b"iloc", &iloc),
            boxed(b"iinf", &[&[0; 4], count.as_slice(), &infe].concat()),
            boxed(b"iref", &[vec![0; 4], iref.collect()].concat()),
            boxed(b"iprp", &iprp),
        ];
        boxed(b"meta", &parts.concat())
    }
}
