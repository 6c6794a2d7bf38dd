//! What comes of the files of each folder.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::support::Answer;

/// What came of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It is a photo now, or its owner had these bytes already.
    Accepted,
    /// Not of a format that Lumina takes.
    NoPhoto,
    /// Of one, but cannot be decoded.
    Damaged,
    /// More pixels than a photo may have.
    TooLarge,
    /// Any other reason that is the file's: too long a side, too much metadata or work.
    TooMuch,
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Accepted, Self::NoPhoto, Self::Damaged, Self::TooLarge, Self::TooMuch];

    /// Of the answer to a plain form; none when that is neither the file's fault nor a success.
    pub fn of(answer: &Answer) -> Option<Self> {
        let text = answer.text();
        Some(match answer.status {
            303 if answer.location() == "/photos" => Self::Accepted,
            415 if text.contains("a program for it is missing") => return None,
            415 if text.contains("Nothing was added") => Self::NoPhoto,
            422 if ["damaged or incomplete", "gave up on it"].iter().any(|words| text.contains(words)) => Self::Damaged,
            422 if text.contains("This photo is too large: ") => Self::TooLarge,
            422 if ["too long: ", "additional data", "too much work"].iter().any(|words| text.contains(words)) => {
                Self::TooMuch
            }
            _ => return None,
        })
    }
}

/// How many files of each folder had which outcome.
pub struct Table(BTreeMap<String, [usize; 5]>);

impl Table {
    /// Of files below `root` and what came of each.
    pub fn of(root: &Path, files: &[PathBuf], outcomes: &[Outcome]) -> Self {
        let mut table = BTreeMap::new();
        for (file, outcome) in files.iter().zip(outcomes) {
            let folder = file.parent().unwrap().strip_prefix(root).unwrap().display().to_string();
            let row: &mut [usize; 5] = table.entry(folder).or_default();
            row[Outcome::ALL.iter().position(|known| known == outcome).unwrap()] += 1;
        }
        Self(table)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:49} accepted  no photo  damaged  too large  too much", "folder")?;
        for (folder, [accepted, no_photo, damaged, too_large, too_much]) in &self.0 {
            let folder = if folder.is_empty() { "." } else { folder };
            writeln!(f, "{folder:49} {accepted:8}  {no_photo:8}  {damaged:7}  {too_large:9}  {too_much:8}")?;
        }
        Ok(())
    }
}

/// What is expected.
pub const TABLE: &str = "\
folder                                            accepted  no photo  damaged  too large  too much
.                                                        0         1        0          0         0
field                                                   16         2        0          0         0
formats/avif                                             7         0        0          0         0
formats/gif/pic                                          8         0        0          0         0
formats/gif/tests                                        1         0        0          0         0
formats/heif/examples                                    2         0        0          0         0
formats/libvips                                         30        20        2          1         0
formats/libvips/fuzz                                     0         2        0          0         0
formats/libvips/rotation                                 9         0        0          0         0
formats/pngsuite/contrib/pngsuite                       51         0        0          0         0
formats/pngsuite/contrib/pngsuite/interlaced             9         0        0          0         0
formats/pngsuite/contrib/testpngs                      104         0        0          0         0
formats/pngsuite/contrib/testpngs/crashers               2         0       21          0         0
hostile/bombs                                            4         4        1          6         0
hostile/exif                                            21         0        0          0         0
hostile/image-rs/bad/bmp                                 0         7        0          0         0
hostile/image-rs/bad/ico                                 0         1        0          0         0
hostile/image-rs/bad/tiff                                0         1        0          0         0
hostile/image-rs/images/bmp/images                       0        58        0          0         0
hostile/image-rs/images/bmp/images/lenient               0         8        0          0         0
hostile/image-rs/images/gif/anim                         8         0        0          0         0
hostile/image-rs/images/gif/simple                       3         0        0          0         0
hostile/image-rs/images/ico/images                       0        12        0          0         0
hostile/image-rs/images/jpg                              3         0        0          0         0
hostile/image-rs/images/jpg/progressive                  3         0        0          0         0
hostile/image-rs/images/png                              1         0        0          0         0
hostile/image-rs/images/png/16bpc                        3         0        0          0         0
hostile/image-rs/images/png/apng                         2         0        0          0         0
hostile/image-rs/images/png/apng/wpt                     6         0        0          0         0
hostile/image-rs/images/png/bugfixes                     3         0        0          0         0
hostile/image-rs/images/png/interlaced                   1         0        0          0         0
hostile/image-rs/images/png/transparency                13         0        0          0         0
hostile/image-rs/images/tiff/testsuite                   0        15        0          0         0
hostile/image-rs/images/webp/extended_images             3         0        0          0         0
hostile/image-rs/images/webp/lossless_images             4         0        0          0         0
hostile/image-rs/images/webp/lossy_images                2         0        0          0         0
hostile/image-rs/regression/gif                          0         0        1          0         0
hostile/image-rs/regression/ico                          0         3        0          0         0
hostile/image-rs/regression/image                        2         0        0          0         0
hostile/image-rs/regression/jpg                          0         0        1          0         0
hostile/image-rs/regression/tiff                         0         1        0          0         0
hostile/image-rs/regression/webp                         1         0        0          0         0
hostile/polyglots                                       12        11        1          1         0
orientation                                             18         0        0          0         0
photos                                                   8         0        0          0         0
";
