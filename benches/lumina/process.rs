//! Lumina as a process: started, asked, measured from outside, stopped.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Sub;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use reqwest::header::{COOKIE, ORIGIN, SET_COOKIE};
use rustix::process::{Pid, Signal, kill_process};

const PASSWORD: &str = "correct horse battery";

/// A running Lumina. Stopped when dropped.
pub struct Lumina {
    child: Child,
    address: SocketAddr,
    /// From the start of the process to its first page.
    pub started_in: Duration,
}

impl Lumina {
    /// Starts it in `folder`, with the settings of a fresh installation, on the database at `database_url` or on a private
    /// one, and waits for its first page. It logs to a file as it would in service.
    pub fn start(folder: &Path, database_url: Option<&str>) -> Self {
        Self::start_with(folder, database_url, &[])
    }

    /// As [`Lumina::start`], with these settings.
    pub fn start_with(folder: &Path, database_url: Option<&str>, settings: &[(&str, String)]) -> Self {
        fs::create_dir_all(folder).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let log = File::create(folder.join("lumina.log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_lumina"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("BIND", address.to_string()).env("DATA_DIR", folder.join("data")).current_dir(folder);
        command.envs(settings.iter().map(|(name, value)| (name, value)));
        if let Some(url) = database_url {
            command.env("DATABASE_URL", url);
        }
        let begin = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut lumina = Self { child, address, started_in: Duration::ZERO };
        while !lumina.answers() {
            assert!(begin.elapsed() < Duration::from_secs(60), "Lumina does not start: see {}", folder.display());
            sleep(Duration::from_millis(1));
        }
        lumina.started_in = begin.elapsed();
        lumina
    }

    /// Whether it sends the first page, over a connection of its own.
    fn answers(&self) -> bool {
        let ask = || {
            let mut stream = TcpStream::connect(self.address)?;
            stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            std::io::Result::Ok(answer)
        };
        ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }

    /// The address of one of its pages.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What browsers send as `Origin`.
    pub fn origin(&self) -> String {
        format!("http://localhost:{}", self.address.port())
    }

    /// Signs `name` in, who gets an account unless there is one. Returns the cookie.
    pub async fn sign_in(&self, name: &str) -> String {
        match self.enter("/register", name).await {
            Some(cookie) => cookie,
            None => self.log_in(name).await,
        }
    }

    /// Signs `name` in, who has an account. Returns the cookie.
    pub async fn log_in(&self, name: &str) -> String {
        self.enter("/login", name).await.unwrap_or_else(|| panic!("{name} cannot sign in"))
    }

    async fn enter(&self, path: &str, name: &str) -> Option<String> {
        let email = format!("{name}@example.org");
        let form = [("username", name), ("email", &email), ("password", PASSWORD)];
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let answer = client.post(self.url(path)).header(ORIGIN, self.origin()).form(&form).send().await.unwrap();
        let cookie = (answer.status() == 303).then(|| answer.headers()[SET_COOKIE].to_str().unwrap().to_owned())?;
        Some(cookie.split(';').next()?.to_owned())
    }

    /// A page's text.
    pub async fn page(&self, path: &str, cookie: &str) -> String {
        let get = reqwest::Client::new().get(self.url(path)).header(COOKIE, cookie);
        let answer = get.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    }

    /// CPU time that it has used so far.
    pub fn cpu_seconds(&self) -> CpuSeconds {
        cpu_seconds(&self.child.id().to_string())
    }

    /// A line of its memory in `/proc`, in MiB: `VmRSS` (resident now) or `VmHWM` (the most so far).
    pub fn memory(&self, line: &str) -> f64 {
        let status = fs::read_to_string(PathBuf::from(format!("/proc/{}/status", self.child.id()))).unwrap();
        let line = status.lines().find(|text| text.starts_with(line)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }
}

/// CPU time that a process has used, and its children that have ended, in seconds.
#[derive(Clone, Copy)]
pub struct CpuSeconds {
    pub own: f64,
    pub children: f64,
}

impl CpuSeconds {
    pub fn total(self) -> f64 {
        self.own + self.children
    }
}

impl Sub for CpuSeconds {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { own: self.own - before.own, children: self.children - before.children }
    }
}

/// Of the process with this folder in `/proc`.
pub fn cpu_seconds(process: &str) -> CpuSeconds {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // Fields 14 to 17, in hundredths: proc(5). The name before may hold anything but its last bracket.
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let seconds = |field: usize| fields[field - 3].parse::<f64>().unwrap() / 100.0;
    CpuSeconds { own: seconds(14) + seconds(15), children: seconds(16) + seconds(17) }
}

/// Time that all cores together had nothing to do, waiting for disks included, in seconds.
pub fn idle_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap();
    stat.split_whitespace().skip(4).take(2).map(|hundredths| hundredths.parse::<f64>().unwrap() / 100.0).sum()
}

impl Drop for Lumina {
    fn drop(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap();
    }
}
