//! Finds the decoder, and by decoding a picture of a few bytes what it can do.
//!
//! A program that is there may still lack a codec: Fedora leaves HEVC out, Debian 13 puts each codec into a package of
//! its own. Asking it for its list would tell only half: the trial goes the whole way of a photo, limits included.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{OutsideDecoder, Program, Reads, watch};
use crate::media::{Format, Limits, MediaError};

/// What the decoder is called: since libheif 1.18, and before.
const NAMES: [&str; 2] = ["heif-dec", "heif-convert"];

/// Where it is when PATH does not lead there.
const FOLDERS: [&str; 4] = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", "/home/linuxbrew/.linuxbrew/bin"];

/// Two photos of 16 × 16 pixels.
struct Trial {
    format: Format,
    /// A picture and nothing else, which needs the codec alone.
    plain: &'static [u8],
    /// As phones and programs write them: a gain map and a thumbnail that belong to two images each, descriptions, a
    /// colour profile that libpng does not like. Around what `heif-enc` coded, as `tests/integration/support/heif.rs`
    /// does.
    rich: &'static [u8],
}

const HEIC: Trial =
    Trial { format: Format::Heic, plain: include_bytes!("trial.heic"), rich: include_bytes!("trial-rich.heic") };

const AVIF: Trial =
    Trial { format: Format::Avif, plain: include_bytes!("trial.avif"), rich: include_bytes!("trial-rich.avif") };

/// The option by which newer versions (libheif 1.17) pack a PNG quickly. Older ones always take several times as long for
/// that as for decoding, and are asked for planes where that will do.
const PACKING: &str = "--png-compression-level";

/// Ends the search for options.
const HELP_DEADLINE: Duration = Duration::from_secs(5);

impl OutsideDecoder {
    /// Looks for the decoder, and tries it out. Takes some hundredths of a second.
    pub fn find() -> Self {
        // This name stays true when the file is replaced under a running server.
        let ourselves = Path::new("/proc/self/exe");
        match env::current_exe() {
            Ok(_) if cfg!(target_os = "linux") && ourselves.exists() => Self::launched_by(ourselves),
            Ok(path) => Self::launched_by(&path),
            Err(_) => Self::missing_altogether(),
        }
    }

    /// As [`OutsideDecoder::find`], where the running program is not Lumina: in tests and benchmarks.
    pub fn launched_by(lumina: &Path) -> Self {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders: Vec<_> = env::split_paths(&path).chain(FOLDERS.map(PathBuf::from)).collect();
        let candidates = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
        candidates
            .into_iter()
            .find(|path| is_program(path))
            .map_or_else(Self::missing_altogether, |path| Self::tried_out(lumina, &path))
    }

    /// With this decoder, as far as it shows what it can do.
    pub fn tried_out(lumina: &Path, decoder: &Path) -> Self {
        let found = Self::with(lumina, decoder);
        // Each by itself: where one codec is missing, what the other lacks is worth knowing too.
        let [heic, avif] = [HEIC, AVIF].map(|Trial { format, plain, rich }| {
            if !found.try_out(format, plain) {
                Reads::Nothing
            } else if found.try_out(format, rich) {
                Reads::All
            } else {
                Reads::Plain
            }
        });
        Self { heic, avif, ..found }
    }

    /// With this decoder, whatever it can do.
    pub fn with(lumina: &Path, decoder: &Path) -> Self {
        let help = help(decoder).unwrap_or_default();
        let packs_quickly = help.contains(PACKING);
        // The child starts in another folder.
        let launcher = std::path::absolute(lumina).unwrap_or_else(|_| lumina.to_owned());
        let mut options = vec!["--quiet"];
        if packs_quickly {
            options.extend([PACKING, "1"]);
        }
        let planes = !packs_quickly && help.contains("y4m");
        let name = name(decoder, &help);
        let program = Program { launcher, path: decoder.to_owned(), name, options, planes };
        Self { program: Some(program), heic: Reads::All, avif: Reads::All, patience: Duration::MAX }
    }

    /// As it is where none is installed.
    pub fn missing_altogether() -> Self {
        Self { program: None, heic: Reads::Nothing, avif: Reads::Nothing, patience: Duration::MAX }
    }

    fn try_out(&self, format: Format, bytes: &[u8]) -> bool {
        let trial = || -> Result<(), MediaError> {
            let mut file = tempfile::NamedTempFile::new().map_err(MediaError::Internal)?;
            file.write_all(bytes).map_err(MediaError::Internal)?;
            self.decode(file.path(), format, Limits { megapixels: 1 }).map(|_| ())
        };
        match trial() {
            Ok(()) => true,
            Err(MediaError::Internal(error)) => {
                tracing::warn!("the decoder for {} could not be tried: {error}", format.name());
                false
            }
            Err(_) => false,
        }
    }

    /// The decoder's name and version, when there is one.
    pub fn name(&self) -> Option<&str> {
        self.program.as_ref().map(|program| program.name.as_str())
    }

    /// What is missing and how to get it, in a line for whoever runs the server; `None` when all is there.
    pub fn missing(&self) -> Option<String> {
        let sentences = [self.refused(), self.partly_refused()];
        Some(sentences.into_iter().flatten().collect::<Vec<_>>().join(". ")).filter(|words| !words.is_empty())
    }

    /// Which formats it reads so much of, as people say it.
    fn formats(&self, so_much: Reads) -> Option<&'static str> {
        match (self.heic == so_much, self.avif == so_much) {
            (true, true) => Some("HEIC and AVIF"),
            (true, false) => Some("HEIC"),
            (false, true) => Some("AVIF"),
            (false, false) => None,
        }
    }

    fn refused(&self) -> Option<String> {
        let formats = self.formats(Reads::Nothing)?;
        Some(match &self.program {
            None => format!(
                "{formats} photos are refused: heif-dec or heif-convert is not installed (Debian, Ubuntu: \
                 libheif-examples; Fedora, Alpine: libheif-tools; Arch, Homebrew: libheif)"
            ),
            Some(program) => format!(
                "{formats} photos are refused: {} ({}) is there, but without that codec (Debian 13, Ubuntu 24.04: \
                 libheif-plugin-libde265, libheif-plugin-dav1d; Fedora: libheif-freeworld from RPM Fusion)",
                program.path.display(),
                program.name
            ),
        })
    }

    fn partly_refused(&self) -> Option<String> {
        let (formats, name) = (self.formats(Reads::Plain)?, self.name().unwrap_or_default());
        Some(format!(
            "{formats} photos are taken, but some will be refused: {name} does not read all that phones write. Install \
             a newer version of libheif"
        ))
    }
}

fn is_program(path: &Path) -> bool {
    path.is_absolute() && fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// "heif-convert of libheif 1.15.1", by what it says when it is asked for help.
fn name(decoder: &Path, help: &str) -> String {
    let program = decoder.file_name().unwrap_or_default().to_string_lossy();
    let version = help.split_once("libheif version: ").and_then(|(_, rest)| rest.split_whitespace().next());
    let version = version.filter(|version| version.len() < 20 && version.chars().all(|c| c.is_ascii_graphic()));
    version.map_or_else(|| program.to_string(), |version| format!("{program} of libheif {version}"))
}

fn help(decoder: &Path) -> io::Result<String> {
    let mut command = Command::new(decoder);
    command.arg("--help").env_clear();
    Ok(watch::run(command, HELP_DEADLINE)?.text())
}
