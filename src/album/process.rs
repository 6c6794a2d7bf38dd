//! The image work on one file: what it would take, then the work itself, each when it is its turn.

use std::fmt::Write;

use crate::album::{Album, NotTaken};
use crate::media::{self, Format, MediaError, Processed};
use crate::storage::Received;

impl Album {
    /// Reads a file of this format and makes its renditions. The file is handed back with them.
    ///
    /// # Errors
    /// [`NotTaken::Refused`] because of the file; `sha256` names it in the log when a decoder failed badly.
    pub(super) async fn process(
        &self,
        file: Received,
        format: Format,
        sha256: &[u8],
    ) -> Result<(Received, Processed), NotTaken> {
        let outside = self.outside.clone();
        let work =
            move |file: &Received, inspected: &media::Inspected| media::process(file.path(), inspected, &outside);
        let done = self.work_on(file, format, work).await;
        let done = done.and_then(|(file, processed)| Ok((file, processed?)));
        if let Err(NotTaken::Refused(MediaError::Crashed)) = done {
            tracing::error!(sha256 = hex(sha256), "a decoder panicked on this file, which is refused");
        }
        done
    }

    /// Looks at a file's headers, then does `work` with the memory it takes.
    pub(super) async fn work_on<T: Send + 'static>(
        &self,
        file: Received,
        format: Format,
        work: impl FnOnce(&Received, &media::Inspected) -> T + Send + 'static,
    ) -> Result<(Received, T), NotTaken> {
        let limits = media::Limits { megapixels: self.limits.megapixels };
        let look = move || {
            let inspected = media::inspect(file.path(), format, limits);
            (file, inspected)
        };
        let (file, inspected) = self.decoders.run(0, look).await?;
        let inspected = inspected?;
        let bytes = inspected.working_bytes;
        let work = move || {
            let done = work(&file, &inspected);
            (file, done)
        };
        Ok(self.decoders.run(bytes, work).await?)
    }
}

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
