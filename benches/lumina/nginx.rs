//! nginx, for comparison: as it comes, with as many workers as there are cores and a line in the log for each request.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// A running nginx. Stopped when dropped.
pub struct Nginx {
    child: Child,
    address: SocketAddr,
}

impl Nginx {
    /// Starts it in `folder`, with this in its one `location`.
    pub fn start(folder: &Path, location: &str) -> Self {
        fs::create_dir_all(folder).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        // Root's files are read by root alone.
        let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
        let here = folder.display();
        // It counts bodies, temporary files and requests on a connection in other ways than Lumina; none of that is measured.
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {here}/{name};"))
            .concat();
        let configuration = format!(
            "daemon off; {user} worker_processes auto; pid {here}/pid; error_log {here}/error.log;
             events {{ worker_connections 1024; }}
             http {{
                 access_log {here}/access.log; sendfile on; tcp_nopush on; keepalive_requests 100000000; {temporary}
                 server {{ listen {address}; location / {{ {location} }} }}
             }}"
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, configuration).unwrap();
        let mut command = Command::new("nginx");
        // Debian keeps it where only root's PATH leads.
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/sbin"));
        command.arg("-p").arg(folder).arg("-c").arg(&file).arg("-e").arg(folder.join("error.log"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let nginx = Self { child, address };
        while TcpStream::connect(address).is_err() {
            sleep(Duration::from_millis(5));
        }
        nginx
    }

    /// The address of one of its pages.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap();
    }
}
