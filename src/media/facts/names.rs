//! The names of camera and lens, fit to be shown. They come from the file: escape them wherever they are.

use super::tiff::{Folder, Tag, Tiff};

/// Longest names kept, in characters.
const CAMERA: usize = 80;
const LENS: usize = 120;

const MAKE: Tag = (Folder::Main, 0x010F);
const MODEL: Tag = (Folder::Main, 0x0110);
const LENS_MAKE: Tag = (Folder::Exif, 0xA433);
const LENS_MODEL: Tag = (Folder::Exif, 0xA434);

/// Maker and model; the model alone when it names the maker itself ("NIKON CORPORATION", "NIKON D3100").
pub(super) fn camera(exif: &Tiff) -> Option<String> {
    joined(&tidy(exif, MAKE), &tidy(exif, MODEL), CAMERA)
}

/// Maker and model of the lens. The maker is left out when the model names it, or names the camera that the lens is a
/// part of ("iPhone 12 Pro back triple camera 4.2mm f/1.6"). A maker alone says nothing.
pub(super) fn lens(exif: &Tiff) -> Option<String> {
    let model = tidy(exif, LENS_MODEL);
    // Cameras fill in something when no lens tells them its name: "----", "0.0 mm f/0.0", "Unknown".
    let says_nothing = !model.chars().any(|c| matches!(c, '1'..='9') || c.is_alphabetic())
        || ["0.0 mm f/0.0", "0mm f0", "unknown", "none", "n/a"].iter().any(|none| model.eq_ignore_ascii_case(none));
    if says_nothing {
        return None;
    }
    let camera = tidy(exif, MODEL).to_lowercase();
    let built_in = !camera.is_empty() && model.to_lowercase().starts_with(&camera);
    let make = if built_in { String::new() } else { tidy(exif, LENS_MAKE) };
    joined(&make, &model, LENS)
}

fn joined(make: &str, model: &str, longest: usize) -> Option<String> {
    let brand = make.split(' ').next().unwrap_or_default().to_lowercase();
    let name = if model.to_lowercase().starts_with(&brand) { model.to_owned() } else { format!("{make} {model}") };
    let name: String = name.trim().chars().take(longest).collect();
    (!name.is_empty()).then_some(name)
}

/// The text without padding, control characters and marks that turn the direction of writing; empty if there is none.
fn tidy(exif: &Tiff, tag: Tag) -> String {
    let shown = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFFD}')
    };
    // Four bytes is the most that a character takes; the rest of a long text would be cut off anyway.
    let text = exif.text(tag).unwrap_or_default();
    let text = text.get(..16 * LENS).unwrap_or(text);
    let text: String = String::from_utf8_lossy(text).chars().filter(|&c| shown(c)).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::facts::testing::{Value, tiff};

    fn camera_of(make: &str, model: &str) -> Option<String> {
        let chunk = tiff(&[(MAKE, Value::Text(make)), (MODEL, Value::Text(model))]);
        camera(&Tiff::open(&chunk)?)
    }

    fn lens_of(camera: &str, make: &str, model: &str) -> Option<String> {
        let texts = [(MODEL, camera), (LENS_MAKE, make), (LENS_MODEL, model)];
        let chunk = tiff(&texts.map(|(tag, text)| (tag, Value::Text(text))));
        lens(&Tiff::open(&chunk)?)
    }

    #[test]
    fn the_camera_is_named_once() {
        assert_eq!(camera_of("NIKON CORPORATION", "NIKON D3100").unwrap(), "NIKON D3100");
        assert_eq!(camera_of("samsung", "SM-G935L").unwrap(), "samsung SM-G935L");
        assert_eq!(camera_of("Apple", "").unwrap(), "Apple");
        assert_eq!(camera_of("  OPPO \u{202E}", "  R7\u{0007}  Plus ").unwrap(), "OPPO R7 Plus");
        assert_eq!(camera_of("", " "), None);
        assert_eq!(camera_of(&"long ".repeat(100), "x").unwrap().chars().count(), CAMERA);
        assert_eq!(camera_of("", &"é".repeat(10_000)).unwrap().chars().count(), CAMERA);
    }

    #[test]
    fn the_lens_is_named_once() {
        assert_eq!(lens_of("ILCE-7", "Sony", "FE 35mm F1.8").unwrap(), "Sony FE 35mm F1.8");
        assert_eq!(lens_of("R5", "Canon", "Canon EF50mm f/1.8 STM").unwrap(), "Canon EF50mm f/1.8 STM");
        assert_eq!(
            lens_of("iPhone 12", "Apple", "iPhone 12 back camera 4.2mm").unwrap(),
            "iPhone 12 back camera 4.2mm"
        );
        assert_eq!(lens_of("X100", "", "23mm").unwrap(), "23mm");
        for nothing in ["", "----", "0.0 mm f/0.0", "Unknown", "N/A", "  ", "00-00"] {
            assert_eq!(lens_of("R5", "Canon", nothing), None, "{nothing}");
        }
    }
}
