//! Logging: to stderr, as text for people or one JSON object a line, with times in UTC (RFC 3339).
//!
//! What is said is `log_level`'s choice; when it is a plain level, the web server's own chatter is left out, for it buries
//! ours. No secret gets here: settings that are secret mask themselves, and the code that meets passwords,
//! tokens or links never logs them.

use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Crates that at `debug` and `trace` speak of every byte, and the one that at `info` tells of its threads.
const NOISY: &str = "actix_http=info,actix_server=warn,actix_web=info,mio=info";

/// Starts logging for the whole process. A second call changes nothing (tests start many servers in one process).
pub fn init(config: &Config) {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter(&config.log_level))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    // An error says that logging has started already.
    let _ = match config.log_format {
        LogFormat::Text => subscriber.try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).with_span_list(false).try_init(),
    };
}

/// May `text` stand in the setting `log_level`? Stricter than the filter's own parser, which takes any word for a
/// module's name and then says nothing at all: `warning` would silence everything.
pub(crate) fn is_log_level(text: &str) -> bool {
    let is_known = |part: &str| part.contains('=') || part.trim().parse::<LevelFilter>().is_ok();
    !text.is_empty() && text.split(',').all(is_known) && EnvFilter::try_new(text).is_ok()
}

fn filter(log_level: &str) -> EnvFilter {
    if log_level.parse::<LevelFilter>().is_ok_and(|level| level >= LevelFilter::INFO) {
        EnvFilter::new(format!("{log_level},{NOISY}"))
    } else {
        EnvFilter::new(log_level)
    }
}
