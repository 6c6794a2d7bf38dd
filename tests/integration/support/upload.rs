//! A multipart form as browsers write it (HTML standard, "multipart form data"): names in UTF-8, with quotes and line ends
//! as `%22`, `%0D`, `%0A`. Large files are made while they are sent.

use futures_util::stream::{self, StreamExt};
use reqwest::Body;

const BOUNDARY: &str = "----LuminaTestBoundary7MA4YWxkTrZu0gW";
const CHUNK: usize = 64 * 1024;

/// Fields and files in the order they are added.
#[derive(Default)]
pub struct Upload {
    parts: Vec<Part>,
}

enum Part {
    Bytes(Vec<u8>),
    Zeros(usize),
}

impl Upload {
    /// An empty form.
    pub fn new() -> Self {
        Self::default()
    }

    /// What its request must say.
    pub fn content_type() -> String {
        format!("multipart/form-data; boundary={BOUNDARY}")
    }

    /// The field `hashtags`.
    pub fn hashtags(self, text: &str) -> Self {
        self.field("hashtags", text)
    }

    /// A field.
    pub fn field(mut self, name: &str, text: &str) -> Self {
        let part = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
        self.parts.push(Part::Bytes(part.into()));
        self
    }

    /// One more `file`.
    pub fn file(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.begin_file(name);
        self.parts.push(Part::Bytes(bytes.into()));
        self.parts.push(Part::Bytes(b"\r\n".to_vec()));
        self
    }

    /// One more `file` of which the head says this name, as bytes: `filename="…"` or otherwise.
    pub fn file_said(mut self, name: &[u8], bytes: impl Into<Vec<u8>>) -> Self {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; ");
        self.parts.push(Part::Bytes([head.as_bytes(), name, b"\r\n\r\n"].concat()));
        self.parts.push(Part::Bytes(bytes.into()));
        self.parts.push(Part::Bytes(b"\r\n".to_vec()));
        self
    }

    /// One more `file`, which begins with `head` and has zeros up to `size` bytes.
    pub fn large_file(mut self, name: &str, head: &[u8], size: usize) -> Self {
        self.begin_file(name);
        self.parts.push(Part::Bytes(head.to_vec()));
        self.parts.push(Part::Zeros(size - head.len()));
        self.parts.push(Part::Bytes(b"\r\n".to_vec()));
        self
    }

    fn begin_file(&mut self, name: &str) {
        let name = name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
        // Whatever the browser says of the type, the bytes decide.
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        self.parts.push(Part::Bytes(head.into()));
    }

    /// The whole form in memory.
    pub fn into_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in self.finished() {
            match part {
                Part::Bytes(more) => bytes.extend(more),
                Part::Zeros(count) => bytes.resize(bytes.len() + count, 0),
            }
        }
        bytes
    }

    /// The form as a body that streams what is large.
    pub fn into_body(self) -> Body {
        if self.parts.iter().all(|part| matches!(part, Part::Bytes(_))) {
            return self.into_bytes().into();
        }
        let chunks = stream::iter(self.finished()).flat_map(|part| {
            let chunks: Box<dyn Iterator<Item = Vec<u8>> + Send> = match part {
                Part::Bytes(bytes) => Box::new(std::iter::once(bytes)),
                Part::Zeros(count) => {
                    let sizes = (0..count).step_by(CHUNK).map(move |start| CHUNK.min(count - start));
                    Box::new(sizes.map(|size| vec![0; size]))
                }
            };
            stream::iter(chunks)
        });
        Body::wrap_stream(chunks.map(std::io::Result::Ok))
    }

    fn finished(mut self) -> Vec<Part> {
        self.parts.push(Part::Bytes(format!("--{BOUNDARY}--\r\n").into()));
        self.parts
    }
}
