//! Chromedriver, which never outlives the test.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Waits for the end of its input, then kills chromedriver and removes the profile, into which a dying Chromium writes
/// for a moment longer.
const KEEPER: &str = r#"
chromedriver --port=0 </dev/null &
read -r _
kill -9 $!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  rm -rf "$1"
  sleep 0.3
  [ -e "$1" ] || break
done
"#;

/// Chromedriver at a port of its own, under its [`KEEPER`].
pub struct Chromedriver {
    keeper: Child,
    /// Where it listens, on this machine alone.
    pub port: u16,
}

impl Chromedriver {
    /// Starts it; `profile` is the folder to remove in the end.
    pub fn start(profile: &Path) -> Self {
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(profile)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(keeper.stdout.take().unwrap()).lines().map_while(Result::ok);
        let started =
            lines.find_map(|line| line.split_once("started successfully on port ").map(|(_, port)| port.to_owned()));
        // Read on, or chromedriver would one day stand still before a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let port = started.expect("chromedriver is missing or does not start: `./dev test` installs it");
        Self { keeper, port: port.trim_end_matches('.').parse().unwrap() }
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}
