//! The image work on one file: what it would take, then the work itself, each when it is its turn.

use std::fmt::Write;
use std::time::Instant;

use crate::album::decoders::Memory;
use crate::album::{Album, NotTaken};
use crate::media::{self, Format, Inspected, MediaError, Processed};
use crate::storage::Received;

impl Album {
    /// Reads a file of this format and makes its renditions. The file is handed back with them, and their memory, to be held
    /// until they are stored: a disk that is slow to write would otherwise gather those of many photos.
    ///
    /// # Errors
    /// [`NotTaken::Refused`] because of the file; `sha256` names it in the log when a decoder failed badly.
    pub(super) async fn process(
        &self,
        file: Received,
        format: Format,
        sha256: &[u8],
    ) -> Result<(Received, Processed, Memory), NotTaken> {
        let begun = Instant::now();
        let (mut file, inspected) = self.look_at(file, format).await?;
        let mut done = Err(MediaError::Damaged);
        if let Some(smaller) = inspected.smaller() {
            (file, done) = self.process_as(file, smaller).await?;
        }
        if done.is_err() {
            (file, done) = self.process_as(file, inspected).await?;
        }
        self.instruments.worked(format.name(), begun.elapsed().as_secs_f64());
        if let Err(MediaError::Crashed) = done {
            tracing::error!(sha256 = hex(sha256), "a decoder panicked on this file, which is refused");
        }
        let (processed, memory) = done?;
        Ok((file, processed, memory))
    }

    async fn process_as(
        &self,
        file: Received,
        inspected: Inspected,
    ) -> Result<(Received, Result<(Processed, Memory), MediaError>), NotTaken> {
        let outside = self.outside.clone();
        let work = move |file: &Received, inspected: &Inspected| media::process(file.path(), inspected, &outside);
        let (file, done, memory) = self.work_on(file, inspected, work).await?;
        let kept = |processed: Processed| {
            let bytes: usize = processed.renditions.iter().map(|rendition| rendition.bytes.len()).sum();
            (processed, memory.keep(bytes as u64))
        };
        Ok((file, done.map(kept)))
    }

    /// Reads a file's headers.
    pub(super) async fn look_at(&self, file: Received, format: Format) -> Result<(Received, Inspected), NotTaken> {
        let limits = media::Limits { megapixels: self.limits.megapixels };
        let look = move || {
            let inspected = media::inspect(file.path(), format, limits);
            (file, inspected)
        };
        let ((file, inspected), _) = self.decoders.run(0, look).await?;
        Ok((file, inspected?))
    }

    /// Does `work` on a file, with the memory it takes.
    pub(super) async fn work_on<T: Send + 'static>(
        &self,
        file: Received,
        inspected: Inspected,
        work: impl FnOnce(&Received, &Inspected) -> T + Send + 'static,
    ) -> Result<(Received, T, Memory), NotTaken> {
        let bytes = inspected.working_bytes;
        let work = move || {
            let done = work(&file, &inspected);
            (file, done)
        };
        let ((file, done), memory) = self.decoders.run(bytes, work).await?;
        Ok((file, done, memory))
    }
}

/// Lower-case hexadecimal, as people write hashes.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
