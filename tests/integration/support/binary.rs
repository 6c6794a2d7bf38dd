//! The real program as a process of its own, with its private Postgres, to be killed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rand::Rng;
use rustix::process::{Pid, Signal, kill_process};

use super::client::Client;

/// Names another build of the program than the one beside the tests.
const OTHER: &str = "LUMINA_BINARY";

/// Settings as the environment gives them.
pub type Settings<Text = String> = [(Text, Text)];

/// A running `lumina`.
pub struct Binary {
    child: Child,
    /// `http://localhost:PORT`.
    pub base: String,
}

impl Binary {
    /// The command, with none of this machine's settings: of the program built with the tests, or of `LUMINA_BINARY`.
    pub fn command() -> Command {
        let other = std::env::var_os(OTHER).map(|path| std::fs::canonicalize(path).expect("LUMINA_BINARY is a file"));
        let mut command = Command::new(other.unwrap_or_else(|| env!("CARGO_BIN_EXE_lumina").into()));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.current_dir(env!("CARGO_TARGET_TMPDIR"));
        command
    }

    /// Whether it is a release build, as `LUMINA_BINARY` is taken to be.
    pub fn is_optimised() -> bool {
        std::env::var_os(OTHER).is_some() || !cfg!(debug_assertions)
    }

    /// Starts it on a data folder and any free port, and waits until it says where it is.
    pub fn start(data_dir: &Path) -> Self {
        Self::start_with(data_dir, &[] as &Settings)
    }

    /// The same with more settings.
    pub fn start_with(data_dir: &Path, settings: &Settings<impl AsRef<str>>) -> Self {
        Self::start_by(Self::command(), log_file(data_dir), data_dir, settings)
    }

    /// The same after a shell has done `first`, such as `ulimit`, and with another stderr.
    pub fn start_after(first: &str, stderr: Stdio, data_dir: &Path, settings: &Settings<impl AsRef<str>>) -> Self {
        let plain = Self::command();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{first}; exec \"$0\"")]).arg(plain.get_program());
        command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(env!("CARGO_TARGET_TMPDIR"));
        Self::start_by(command, stderr, data_dir, settings)
    }

    /// The same as another user of the machine, whom the data folder belongs to. Only root can.
    pub fn start_as(uid: u32, data_dir: &Path) -> Self {
        let mut command = Self::command();
        std::os::unix::process::CommandExt::uid(&mut command, uid);
        let none: &Settings = &[];
        Self::start_by(command, log_file(data_dir), data_dir, none)
    }

    fn start_by(command: Command, stderr: Stdio, data_dir: &Path, settings: &Settings<impl AsRef<str>>) -> Self {
        let mut child = Self::spawn(command, stderr, data_dir, settings);
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let ready = stdout.lines().map_while(Result::ok).find_map(|line| {
            line.strip_prefix("Lumina is ready at ").map(|base| base.trim_end_matches('/').to_owned())
        });
        let log = || std::fs::read_to_string(data_dir.with_extension("log")).unwrap_or_default();
        let base = ready.unwrap_or_else(|| panic!("it did not start:\n{}", log()));
        // It names the address of the proxy that it believes to be behind.
        let bind = settings
            .iter()
            .find(|(name, _)| name.as_ref() == "BIND")
            .map(|(_, address)| format!("http://{}", address.as_ref()));
        Self { child, base: bind.unwrap_or(base) }
    }

    /// Starts it where it ends by itself, and waits for that.
    pub fn run_to_its_end(data_dir: &Path, settings: &Settings) -> ExitStatus {
        let mut lumina =
            Self { child: Self::spawn(Self::command(), log_file(data_dir), data_dir, settings), base: String::new() };
        let begin = Instant::now();
        while lumina.runs() {
            assert!(begin.elapsed() < Duration::from_secs(30), "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
        lumina.wait()
    }

    fn spawn(mut command: Command, stderr: Stdio, data_dir: &Path, settings: &Settings<impl AsRef<str>>) -> Child {
        command.env("DATA_DIR", data_dir).env("BIND", "127.0.0.1:0");
        command.envs(settings.iter().map(|(name, value)| (name.as_ref(), value.as_ref())));
        command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap()
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

    /// The CPU time it has used until now, with the processes it started and has waited for; not its Postgres.
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // proc_pid_stat(5): utime, stime, cutime and cstime are fields 14 to 17; the second may hold spaces.
        let fields = stat.rsplit_once(") ").unwrap().1.split(' ').skip(11).take(4);
        let ticks: u64 = fields.map(|field| field.parse::<u64>().unwrap()).sum();
        // Linux counts in hundredths of a second for programs, whatever its own clock does.
        Duration::from_millis(ticks * 10)
    }

    /// The most memory it has had at once until now, in bytes.
    pub fn most_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// The memory it has now, in KiB.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let now = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        now.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// How many files and connections it has open.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// Whether it runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

/// Where it logs to, unless a test says otherwise.
fn log_file(data_dir: &Path) -> Stdio {
    std::fs::File::options().create(true).append(true).open(data_dir.with_extension("log")).unwrap().into()
}

/// The log once it has such a line: lines are written a moment after what they tell of.
pub async fn log_with(data_dir: &Path, wanted: impl Fn(&str) -> bool) -> String {
    let begin = Instant::now();
    loop {
        let log = std::fs::read_to_string(data_dir.with_extension("log")).unwrap();
        if log.lines().any(&wanted) {
            return log;
        }
        assert!(begin.elapsed() < Duration::from_secs(10), "no such line in the log:\n{log}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A port for a program that is to be found at the same one after a restart: not one that outgoing connections take.
pub fn free_port() -> u16 {
    let ports = std::iter::repeat_with(|| rand::rng().random_range(20_000..30_000));
    ports.take(100).find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
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
