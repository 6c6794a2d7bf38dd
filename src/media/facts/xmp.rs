//! The dates in XMP, which programs write into photos of all formats: RDF in XML (ISO 16684-1).
//!
//! quick-xml reads it as a stream and knows no entities but XML's own five, so nothing in it can grow; what is nested deeper
//! or longer than any XMP that people have ends the reading.

use quick_xml::NsReader;
use quick_xml::events::Event;
use quick_xml::name::{Namespace, ResolveResult};

/// Most bytes looked at. Histories of editing make some hundred kilobytes.
pub(in crate::media) const LONGEST: u64 = 256 << 10;

/// How deep elements are followed: `xmpmeta`, `RDF`, `Description`, the property, and what that is made of.
const DEEPEST: usize = 12;

/// Most elements, texts and ends of elements.
const MOST_EVENTS: usize = 20_000;

/// Longest text of a date.
const LONGEST_TEXT: usize = 64;

const RDF: &[u8] = b"http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const EXIF: &[u8] = b"http://ns.adobe.com/exif/1.0/";
const PHOTOSHOP: &[u8] = b"http://ns.adobe.com/photoshop/1.0/";
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/";

/// The dates that it tells, as they are spelt.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Dates {
    /// When the shutter opened (`exif:DateTimeOriginal`).
    pub original: Option<String>,
    /// When what the picture shows was made: of a scan, the day of the photo (`photoshop:DateCreated`).
    pub created: Option<String>,
    /// When the file was first made: of a scan, the day of scanning (`xmp:CreateDate`).
    pub digitized: Option<String>,
}

impl Dates {
    /// Of this packet, as far as it can be read.
    pub(super) fn read(packet: &[u8]) -> Self {
        let mut dates = Self::default();
        // What was found before it breaks off counts.
        let _ = dates.fill(packet);
        dates
    }

    fn fill(&mut self, packet: &[u8]) -> Option<()> {
        let packet = packet.get(..usize::try_from(LONGEST).ok()?).unwrap_or(packet);
        let mut reader = NsReader::from_reader(packet);
        let mut depth = 0_usize;
        // How deep the element is that holds descriptions.
        let mut rdf = None;
        let mut property = None;
        for _ in 0..MOST_EVENTS {
            let event = reader.read_event().ok()?;
            match &event {
                Event::Start(element) | Event::Empty(element) => {
                    let (ResolveResult::Bound(Namespace(space)), name) =
                        reader.resolver().resolve_element(element.name())
                    else {
                        depth += usize::from(matches!(event, Event::Start(_)));
                        continue;
                    };
                    match (space, name.as_ref(), rdf) {
                        (RDF, b"RDF", None) => rdf = Some(depth),
                        (RDF, b"Description", Some(rdf)) if depth == rdf + 1 => {
                            for attribute in element.attributes().with_checks(false).flatten() {
                                let (space, name) = reader.resolver().resolve_attribute(attribute.key);
                                let ResolveResult::Bound(Namespace(space)) = space else { continue };
                                self.keep(date(space, name.as_ref()), &attribute.value);
                            }
                        }
                        (_, name, Some(rdf)) if depth == rdf + 2 => property = date(space, name),
                        _ => (),
                    }
                    depth += usize::from(matches!(event, Event::Start(_)));
                    if depth > DEEPEST {
                        return None;
                    }
                }
                Event::Text(text) => self.keep(property, text),
                Event::End(_) => {
                    property = None;
                    depth = depth.checked_sub(1)?;
                }
                Event::Eof => return Some(()),
                _ => (),
            }
        }
        None
    }

    /// Keeps the first text of each, if it can be a date.
    fn keep(&mut self, which: Option<Which>, text: &[u8]) {
        let place = match which {
            Some(Which::Original) => &mut self.original,
            Some(Which::Created) => &mut self.created,
            Some(Which::Digitized) => &mut self.digitized,
            None => return,
        };
        let text = text.trim_ascii();
        if place.is_none() && (1..=LONGEST_TEXT).contains(&text.len()) {
            *place = std::str::from_utf8(text).ok().map(str::to_owned);
        }
    }
}

/// One of [`Dates`].
#[derive(Clone, Copy)]
enum Which {
    Original,
    Created,
    Digitized,
}

/// Which date this property is, if any.
fn date(space: &[u8], name: &[u8]) -> Option<Which> {
    match (space, name) {
        (EXIF, b"DateTimeOriginal") => Some(Which::Original),
        (PHOTOSHOP, b"DateCreated") => Some(Which::Created),
        (XMP, b"CreateDate") => Some(Which::Digitized),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACES: &str = "xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns:e='http://ns.adobe.com/exif/1.0/' \
        xmlns:photoshop='http://ns.adobe.com/photoshop/1.0/' xmlns:xap='http://ns.adobe.com/xap/1.0/' xmlns:o='urn:other'";

    fn packet(attributes: &str, elements: &str) -> String {
        format!(
            "<?xpacket begin='\u{FEFF}' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'>\
             <rdf:RDF {SPACES}><rdf:Description rdf:about='' {attributes}>{elements}</rdf:Description></rdf:RDF>\
             </x:xmpmeta><?xpacket end='w'?>"
        )
    }

    #[test]
    fn dates_are_found_as_attributes_and_as_elements_by_whatever_prefix() {
        let expected = Dates {
            original: Some("1989-05-05".to_owned()),
            created: Some("1989-05-06".to_owned()),
            digitized: Some("2021-04-01".to_owned()),
        };
        let attributes =
            "e:DateTimeOriginal='1989-05-05' photoshop:DateCreated=\"1989-05-06\" xap:CreateDate='2021-04-01'";
        assert_eq!(Dates::read(packet(attributes, "").as_bytes()), expected);
        let elements = "<e:DateTimeOriginal>1989-05-05</e:DateTimeOriginal>\n\
                        <photoshop:DateCreated> 1989-05-06 </photoshop:DateCreated><xap:CreateDate>2021-04-01</xap:CreateDate>";
        assert_eq!(Dates::read(packet("", elements).as_bytes()), expected);
        // Of others, or of what the picture is made of.
        let others = "<o:CreateDate>2000-01-01</o:CreateDate><o:list><rdf:Description xap:CreateDate='2000-01-01'>\
                      <xap:CreateDate>2000-01-01</xap:CreateDate></rdf:Description></o:list>";
        assert_eq!(Dates::read(packet("o:DateTimeOriginal='2000-01-01'", others).as_bytes()), Dates::default());
    }

    #[test]
    fn nothing_in_it_can_grow_or_break() {
        let bomb = format!(
            "<!DOCTYPE x [<!ENTITY a '1989'><!ENTITY b '&a;&a;&a;&a;'>]>{}",
            packet("", "<xap:CreateDate>&b;-05-05</xap:CreateDate>")
        );
        assert_ne!(Dates::read(bomb.as_bytes()).digitized.as_deref(), Some("1989-05-05"));
        assert_eq!(Dates::read("<a>".repeat(80_000).as_bytes()), Dates::default());
        assert_eq!(Dates::read(packet("", &"<o:x/>".repeat(30_000)).as_bytes()), Dates::default());
        let whole = packet("e:DateTimeOriginal='1989-05-05'", "<xap:CreateDate>2021</xap:CreateDate>");
        for length in 0..whole.len() {
            Dates::read(&whole.as_bytes()[..length]);
        }
        assert_eq!(Dates::read(b"\xFF\xFE<\0x\0>\0"), Dates::default());
    }
}
