//! The real program as a process of its own, with its private Postgres, to be killed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::client::Client;

/// A running `lumina`.
pub struct Binary {
    child: Child,
    /// `http://localhost:PORT`.
    pub base: String,
}

impl Binary {
    /// The command, with none of this machine's settings.
    pub fn command() -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lumina"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.current_dir(env!("CARGO_TARGET_TMPDIR"));
        command
    }

    /// Starts it on a data folder and any free port, and waits until it says where it is.
    pub fn start(data_dir: &Path) -> Self {
        let log = std::fs::File::options().create(true).append(true).open(data_dir.with_extension("log")).unwrap();
        let mut child = Self::command()
            .env("DATA_DIR", data_dir)
            .env("BIND", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let ready = stdout.lines().map_while(Result::ok).find_map(|line| {
            line.strip_prefix("Lumina is ready at ").map(|base| base.trim_end_matches('/').to_owned())
        });
        let log = || std::fs::read_to_string(data_dir.with_extension("log")).unwrap();
        Self { child, base: ready.unwrap_or_else(|| panic!("it did not start:\n{}", log())) }
    }

    /// Somebody who is not signed in.
    pub fn visitor(&self) -> Client {
        Client::new(&self.base, &self.base)
    }

    /// SIGKILL; its Postgres is left alone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, not waited for.
    pub fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Whether it runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Binary {
    /// In good order, so that its Postgres goes too.
    fn drop(&mut self) {
        if self.runs() {
            self.terminate();
            self.wait();
        }
    }
}
