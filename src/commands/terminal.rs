//! The person at the terminal: what they see of the work, and that they want it to end.

use std::io::{IsTerminal, stderr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};

/// A bar for `total` things, named by `what`. Nothing where nobody watches.
#[must_use]
pub fn progress(total: u64, what: &str) -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total);
    bar.enable_steady_tick(Duration::from_millis(200));
    let style = ProgressStyle::with_template(&format!("{{bar:40}} {{human_pos}}/{{human_len}} {what}, {{eta}} left"));
    if let Ok(style) = style { bar.with_style(style) } else { bar }
}

/// Whether somebody wants it to end: what is worked on is finished first.
#[derive(Clone)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens for Ctrl-C, SIGTERM and the closing of the terminal.
    ///
    /// # Errors
    /// When signals cannot be heard.
    pub fn listen() -> std::io::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()] {
            let (mut signal, asked) = (signal(kind)?, asked.clone());
            #[expect(clippy::disallowed_methods, reason = "the command ends with the process")]
            actix_web::rt::spawn(async move {
                signal.recv().await;
                asked.store(true, Ordering::Relaxed);
            });
        }
        Ok(Self(asked))
    }

    /// Was it?
    #[must_use]
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
