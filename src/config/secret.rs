//! Secrets: a type that does not print itself, and the key Lumina makes for itself.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::path::Path;

use fs_err::{self as fs, File};

/// The shortest key accepted, in bytes: what HMAC-SHA-256 and the cookie's key derivation take as full strength.
pub(super) const SHORTEST_KEY: usize = 32;

/// Text that must not be seen: `Debug` masks it, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Its first letters, for those who have to tell one key from another; nothing of a short one.
    pub(super) fn begun(&self) -> String {
        let shown: String = self.0.chars().take(if self.0.len() < 16 { 0 } else { 4 }).collect();
        format!("{shown}***")
    }
}

/// An address without the passwords in it: what stands before the `@` after a colon, and every parameter with `password` in
/// its name. Any other text as it is.
pub(crate) fn without_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    // The last @, because an unescaped password may hold one, or a slash or question mark.
    let (user, rest) = match rest.rsplit_once('@') {
        Some((login, rest)) => match login.split_once(':') {
            Some((user, _)) => (format!("{user}:***@"), rest),
            None => (format!("{login}@"), rest),
        },
        None => (String::new(), rest),
    };
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let mut masked = format!("{scheme}://{user}{place}");
    for (index, parameter) in parameters.split('&').filter(|text| !text.is_empty()).enumerate() {
        masked.push(if index == 0 { '?' } else { '&' });
        match parameter.split_once('=') {
            Some((name, _)) if name.contains("password") => {
                masked.push_str(name);
                masked.push_str("=***");
            }
            _ => masked.push_str(parameter),
        }
    }
    masked
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The key in `data_dir/secret_key`: 64 random bytes in hex, mode 0600, made when it is not there. It appears under its
/// name whole and on disk, or not at all, and never replaces another: two starts at once agree on one key.
pub(super) fn generated_once(data_dir: &Path) -> io::Result<Secret> {
    let path = data_dir.join("secret_key");
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(&path, data_dir)?,
        _ => {}
    }
    let key = fs::read_to_string(&path)?.trim().to_owned();
    if key.len() < SHORTEST_KEY {
        let what = format!(
            "{} is damaged. Put it back from a backup, or remove it: then everyone has to log in again.",
            path.display()
        );
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    Ok(Secret(key))
}

fn make(path: &Path, data_dir: &Path) -> io::Result<()> {
    let random: [u8; 64] = rand::random();
    let mut hex = String::with_capacity(129);
    for byte in random {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    // Mode 0600, as tempfile makes all its files.
    let mut file = tempfile::Builder::new().prefix("secret_key.").tempfile_in(data_dir)?;
    writeln!(file, "{hex}")?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => {
            Err(io::Error::new(error.error.kind(), format!("{} cannot be made: {}", path.display(), error.error)))
        }
        _ => File::open(data_dir)?.sync_all(),
    }
}
