//! The folder that a decoder works in: a copy of the photo under a name of ours, and the file it is to write.
//!
//! A copy, because the decoder writes every image that shows by itself into a file of its own, and a file may hold
//! hundreds: in the copy all but the primary one are marked as hidden, as tiles are (ISO/IEC 23008-12, 6.4.2). Because the
//! decoders that people have are years older than the files of their phones: what is said beside the primary image is made
//! meaningless in the copy, and the colour profile is applied here ([`Header::edits`]). And
//! because when Lumina is root the decoder is somebody else, who must not need a way to the photo itself.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::path::Path;

use tempfile::TempDir;

use crate::media::heif::{Edit, Header};

/// The copy's name in the folder.
pub(super) const INPUT: &str = "photo.heif";

/// The decoder's result in the folder, one of the two. Its ending chooses: PNG, or planes of a picture that is
/// [plain](crate::media::heif::Header::plain).
pub(super) const PNG: &str = "photo.png";
pub(super) const PLANES: &str = "photo.y4m";

/// Who the decoder is when Lumina is root: an id that no system gives to an account (above systemd's dynamic users, below
/// `nobody`) and that containers map, so that it owns nothing but what it is given here.
const NOBODY_ELSE: u32 = 65_533;

/// Makes the folder beside the photo, which is on the same disk and has room.
pub(super) fn make(photo: &Path, header: &Header) -> io::Result<TempDir> {
    let beside = photo.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = tempfile::Builder::new().prefix(".decode").tempdir_in(beside)?;
    let create = |name: &str| {
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(folder.path().join(name))
    };
    let mut copy = create(INPUT)?;
    io::copy(&mut File::open(photo)?, &mut copy)?;
    for Edit { at, bytes } in &header.edits {
        copy.seek(SeekFrom::Start(*at))?;
        copy.write_all(bytes)?;
    }
    create(PNG)?;
    create(PLANES)?;
    if rustix::process::geteuid().is_root() {
        give_away(folder.path());
    }
    Ok(folder)
}

/// Where root may not give files away (some containers), the decoder stays root, under all its other limits.
fn give_away(folder: &Path) {
    let own = |path: &Path| chown(path, Some(NOBODY_ELSE), Some(NOBODY_ELSE));
    let _ = [INPUT, PNG, PLANES].iter().try_for_each(|name| own(&folder.join(name))).and_then(|()| own(folder));
    debug_assert!(fs::metadata(folder).is_ok());
}
