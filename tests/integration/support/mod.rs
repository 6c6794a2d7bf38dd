//! What tests stand on: real Postgres, a real server, and clients that talk to it as browsers do.
//!
//! ```ignore
//! let app = TestApp::start().await;                    // port, database and data folder of its own
//! let alice = app.user("alice").await;                 // registered and signed in
//! let photo = alice.upload(jpeg()).await;              // a Photo { id }
//! app.visitor().get(&photo.page()).await.assert_status(303);
//! alice.get("/photos").await.assert_status(200).photos();
//! ```
//!
//! - [`app::TestApp`]: `start`, `start_with(|config| …)`, `restart_with`, `user`, `visitor`, `device_of`, `state`, `base`,
//!   `data_dir`, `stored_files`; `ask("SELECT …")` and `execute("UPDATE …")` go to the database past the program.
//! - [`client::Client`]: `get`, `get_with`, `post`, `post_by_script`, `post_upload(Upload)`, `upload`, `share`, `copied`,
//!   cookies in the open. [`client::Answer`]: `assert_status`, `assert_says`, `header`, `text`, `photos`, `field`.
//! - [`program::Program`]: a program with an access token.
//! - [`upload::Upload`]: a multipart form; [`images`]: photos and broken ones; [`animations`]: what plays; [`exif`]: what
//!   cameras write.
//! - [`corpora`]: real and hostile files from elsewhere; [`pictures`]: decoded ones, compared by the system's programs.
//! - [`db::Database`]: an empty, migrated database; [`server::Server`]: a Postgres of a test's own, to be stopped;
//!   [`binary::Binary`]: the real program as a process, to be killed; [`browser::Browser`]: Chromium on the app.
//! - [`oidc`]: OpenID Connect providers, a real one and one that lies.
//! - [`kept::Kept`]: an app with its photos on disk or in a bucket, whose objects can be damaged, and the program's other commands.
//! - [`s3::S3Server`]: a bucket of a test's own; [`proxy::Proxy`]: what cuts, stalls and loses on the way to it or to Postgres.
//! - [`garage::Garage`]: a real one of several nodes; [`load::Load`]: people at work meanwhile.
//! - [`witness::Witness`]: looks at rows and objects past the program for what must never happen.
//! - [`cluster`]: how all tests of a run share one Postgres; `cluster::scratch()` is a folder that is swept up even after
//!   a test was killed.
//!
//! `LUMINA_TEST_LOG=info cargo test …` shows what the servers log.

pub mod animations;
pub mod app;
pub mod binary;
pub mod browser;
pub mod client;
pub mod cluster;
pub mod corpora;
pub mod db;
pub mod exif;
pub mod garage;
pub mod heif;
pub mod images;
pub mod kept;
pub mod load;
pub mod oidc;
pub mod pictures;
pub mod program;
pub mod s3;
pub mod server;
pub mod upload;
pub mod witness;

pub use app::{PASSWORD, TestApp};
pub use client::{Answer, Client, Photo};
pub use db::Database;
pub use images::{gif, jpeg, png, webp};
pub use program::Program;
pub use s3::proxy;
pub use upload::Upload;
