//! A real Garage of several nodes, each of which holds a copy of everything, of a test's own: started where
//! `LUMINA_GARAGE` names the program, as `./dev test --garage` does.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::binary::free_port;
use super::cluster;

/// Names the program.
const PROGRAM: &str = "LUMINA_GARAGE";

const BUCKET: &str = "photos";

/// Running nodes. They and their files are gone when this is dropped.
pub struct Garage {
    program: PathBuf,
    nodes: Vec<Node>,
    key: (String, String),
    _folder: TempDir,
}

struct Node {
    home: PathBuf,
    s3: u16,
    running: Option<Child>,
}

impl Garage {
    /// Starts so many nodes; nothing where no Garage is named.
    pub fn start(count: usize) -> Option<Self> {
        let program = PathBuf::from(std::env::var_os(PROGRAM)?);
        let folder = cluster::scratch();
        let secret: String = (0..32).map(|_| format!("{:02x}", rand::random::<u8>())).collect();
        let nodes = (0..count).map(|number| Node::prepare(folder.path(), number, count, &secret)).collect();
        let mut garage = Self { program, nodes, key: Default::default(), _folder: folder };
        (0..count).for_each(|number| garage.start_node(number));
        garage.lay_out();
        Some(garage)
    }

    /// Kills a node without a word.
    pub fn kill_node(&mut self, number: usize) {
        if let Some(mut node) = self.nodes[number].running.take() {
            node.kill().unwrap();
            node.wait().unwrap();
        }
    }

    /// Starts a node, again on what it has.
    pub fn start_node(&mut self, number: usize) {
        let log = std::fs::File::create(self.nodes[number].home.join("log")).unwrap();
        let mut command = self.command(number);
        let node = command.arg("server").env("RUST_LOG", "garage=warn").stdout(Stdio::null()).stderr(log).spawn();
        self.nodes[number].running = Some(node.unwrap());
        self.until(number, &["status"]);
    }

    /// What Lumina is told about it, as the environment gives it; it talks to this node.
    pub fn settings(&self, node: usize) -> Vec<(String, String)> {
        let endpoint = format!("http://127.0.0.1:{}", self.nodes[node].s3);
        let settings = [
            ("S3__ENDPOINT_URL", endpoint.as_str()),
            ("S3__REGION_NAME", "garage"),
            ("S3__BUCKET_NAME", BUCKET),
            ("S3__AWS_ACCESS_KEY_ID", &self.key.0),
            ("S3__AWS_SECRET_ACCESS_KEY", &self.key.1),
        ];
        settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// Its bucket, asked by another client than Lumina's.
    pub fn bucket(&self) -> Box<s3::Bucket> {
        let endpoint = format!("http://127.0.0.1:{}", self.nodes[0].s3);
        let region = s3::Region::Custom { region: "garage".into(), endpoint };
        let key = s3::creds::Credentials::new(Some(&self.key.0), Some(&self.key.1), None, None, None);
        s3::Bucket::new(BUCKET, region, key.unwrap()).unwrap().with_path_style()
    }

    /// Waits until the first node takes objects again: one that was killed refuses them for about eight seconds after its
    /// start, while it looks for the others.
    pub async fn takes_objects(&self) {
        let (bucket, begin) = (self.bucket(), Instant::now());
        while bucket.put_object("probe-of-the-test", b"is it back?").await.is_err() {
            assert!(begin.elapsed() < Duration::from_secs(60), "Garage does not come back");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bucket.delete_object("probe-of-the-test").await.unwrap();
    }

    /// Joins the nodes, gives each a copy of everything, makes a bucket and a key for it.
    fn lay_out(&mut self) {
        let ids: Vec<_> = (0..self.nodes.len()).map(|node| self.until(node, &["node", "id", "-q"])).collect();
        for id in &ids[1..] {
            self.until(0, &["node", "connect", id.trim()]);
        }
        for (number, id) in ids.iter().enumerate() {
            let (zone, id) = (format!("zone{number}"), id.split('@').next().unwrap());
            self.until(0, &["layout", "assign", "-z", &zone, "-c", "10G", id]);
        }
        self.until(0, &["layout", "apply", "--version", "1"]);
        self.until(0, &["bucket", "create", BUCKET]);
        let key = self.until(0, &["key", "create", "lumina"]);
        let field = |name: &str| {
            let line = key.lines().find_map(|line| line.strip_prefix(name)).expect("a key's field");
            line.trim().to_owned()
        };
        self.key = (field("Key ID:"), field("Secret key:"));
        self.until(0, &["bucket", "allow", "--read", "--write", "--owner", BUCKET, "--key", "lumina"]);
    }

    /// Gives a node a command until it does it, and answers what it says.
    fn until(&self, node: usize, arguments: &[&str]) -> String {
        let begin = Instant::now();
        loop {
            let Output { status, stdout, stderr } = self.command(node).args(arguments).output().unwrap();
            if status.success() {
                return String::from_utf8(stdout).unwrap();
            }
            let said = String::from_utf8_lossy(&stderr);
            assert!(begin.elapsed() < Duration::from_secs(30), "garage {arguments:?}: {said}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn command(&self, node: usize) -> Command {
        let mut command = Command::new(&self.program);
        command.env("GARAGE_CONFIG_FILE", self.nodes[node].home.join("garage.toml")).stdin(Stdio::null());
        command
    }
}

impl Drop for Garage {
    fn drop(&mut self) {
        (0..self.nodes.len()).for_each(|number| self.kill_node(number));
    }
}

impl Node {
    fn prepare(parent: &Path, number: usize, count: usize, secret: &str) -> Self {
        let home = parent.join(format!("node{number}"));
        let (s3, rpc, admin) = (free_port(), free_port(), free_port());
        std::fs::create_dir_all(&home).unwrap();
        let config = format!(
            "metadata_dir = \"{home}/meta\"\ndata_dir = \"{home}/data\"\ndb_engine = \"sqlite\"\n\
             replication_factor = {copies}\nrpc_bind_addr = \"127.0.0.1:{rpc}\"\nrpc_public_addr = \"127.0.0.1:{rpc}\"\n\
             rpc_secret = \"{secret}\"\n[s3_api]\napi_bind_addr = \"127.0.0.1:{s3}\"\ns3_region = \"garage\"\n\
             [admin]\napi_bind_addr = \"127.0.0.1:{admin}\"\n",
            home = home.display(),
            copies = count.min(3),
        );
        std::fs::write(home.join("garage.toml"), config).unwrap();
        Self { home, s3, running: None }
    }
}
