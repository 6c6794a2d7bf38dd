//! A proxy between Lumina and what it depends on, a bucket or Postgres, which can be told to misbehave: the socket is
//! really cut, nobody really listens, the answer is really lost.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{oneshot, watch};

/// What it does with a connection, from the first bytes that the client sends after this became so.
#[derive(Debug, Clone, Default)]
pub enum Fault {
    #[default]
    /// Nothing: it carries all bytes both ways.
    None,
    /// Nobody listens, and those who were connected are cut off.
    Refuses,
    /// Closes it without a word.
    Closes,
    /// Carries each part of a request so much later. What comes back is not held up.
    Slows(Duration),
    /// Swallows everything and never answers. The connection is cut when the fault is over.
    Stalls,
    /// Answers requests that begin like one of these by itself, then swallows the rest. Others go well.
    Answers(&'static [&'static str], String),
    /// Cuts it when so many bytes of the request have gone through.
    CutsRequests(usize),
    /// Cuts it when so many bytes of the answer have gone through.
    CutsAnswers(usize),
    /// Carries requests that begin like one of these, then cuts it instead of carrying the answer. Others go well.
    LosesAnswers(&'static [&'static str]),
}

/// Who is behind it.
#[derive(Debug, Clone)]
pub enum Upstream {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// A running proxy. Gone when dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _stop: oneshot::Sender<Infallible>,
}

struct Shared {
    upstream: Upstream,
    state: watch::Sender<State>,
    requests: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    fault: Fault,
    /// How many more connections are to suffer it, if that is limited.
    left: Option<usize>,
    /// Counts what it was told. What a connection suffers is over when it is told something else.
    told: usize,
}

impl State {
    fn refuses(&self) -> bool {
        matches!(self.fault, Fault::Refuses)
    }
}

impl Proxy {
    /// Starts one on a thread of its own.
    pub fn start(upstream: Upstream) -> Self {
        let shared = Arc::new(Shared { upstream, state: watch::Sender::default(), requests: AtomicUsize::new(0) });
        let (stop, stopped) = oneshot::channel();
        let (listening, address) = std::sync::mpsc::channel();
        let serving = shared.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                listening.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    () = serve(listener, serving) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address: address.recv().unwrap(), shared, _stop: stop }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on.
    pub fn becomes(&self, fault: Fault) {
        self.shared.is_told(fault, None);
    }

    /// For so many connections, then it is well again.
    pub fn becomes_for(&self, connections: usize, fault: Fault) {
        self.shared.is_told(fault, Some(connections));
    }

    /// HTTP requests that clients have begun so far, whatever became of them.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let address = listener.local_addr().unwrap();
    let mut listener = Some(listener);
    let mut state = shared.state.subscribe();
    loop {
        if let Some(open) = &listener {
            tokio::select! {
                socket = open.accept() => {
                    let Ok((socket, _)) = socket else { continue };
                    tokio::spawn(carry(socket, shared.clone()));
                }
                _ = state.wait_for(State::refuses) => listener = None,
            }
        } else {
            let _ = state.wait_for(|state| !state.refuses()).await;
            // Somebody's outgoing connection may have the port for a moment.
            listener = TcpListener::bind(address).await.ok();
            if listener.is_none() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

/// One connection, until either side or its fault ends it: then both are closed.
async fn carry(client: TcpStream, shared: Arc<Shared>) {
    let mut state = shared.state.subscribe();
    let Some((from_server, to_server)) = shared.upstream.connect().await else { return };
    let (from_client, to_client) = client.into_split();
    let to_client = Arc::new(tokio::sync::Mutex::new(to_client));
    let suffered = Mutex::default();
    tokio::select! {
        () = up(from_client, to_server, to_client.clone(), &suffered, &shared) => {}
        () = down(from_server, to_client, &suffered, &shared) => {}
        _ = state.wait_for(State::refuses) => {}
    }
}

/// What one connection suffers, and when the proxy was told that.
type Suffered = Mutex<(Fault, usize)>;

async fn up(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    back: Arc<tokio::sync::Mutex<impl AsyncWrite + Unpin>>,
    suffered: &Suffered,
    shared: &Shared,
) {
    let (mut chunk, mut carried) = (vec![0; 64 * 1024], 0);
    loop {
        let bytes = match from.read(&mut chunk).await {
            Err(_) => return,
            Ok(0) => {
                let _ = to.shutdown().await;
                return std::future::pending().await;
            }
            Ok(count) => &chunk[..count],
        };
        let fault = shared.suffer(bytes, suffered);
        let room = match &fault {
            Fault::Refuses | Fault::Closes => return,
            Fault::Stalls => {
                let told = suffered.lock().unwrap().1;
                let mut state = shared.state.subscribe();
                let over = state.wait_for(|state| state.told != told);
                let mut sink = tokio::io::sink();
                tokio::select! {
                    _ = tokio::io::copy(&mut from, &mut sink) => {}
                    _ = over => {}
                }
                return;
            }
            Fault::Answers(_, text) => {
                let _ = back.lock().await.write_all(text.as_bytes()).await;
                let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
                return;
            }
            Fault::Slows(by) => {
                tokio::time::sleep(*by).await;
                usize::MAX
            }
            Fault::CutsRequests(most) => most.saturating_sub(carried),
            Fault::None | Fault::CutsAnswers(_) | Fault::LosesAnswers(_) => usize::MAX,
        };
        let bytes = &bytes[..bytes.len().min(room)];
        if to.write_all(bytes).await.is_err() {
            // It may have answered before it closed.
            return std::future::pending().await;
        }
        carried += bytes.len();
        if bytes.len() == room {
            return;
        }
    }
}

async fn down(
    mut from: impl AsyncRead + Unpin,
    to: Arc<tokio::sync::Mutex<impl AsyncWrite + Unpin>>,
    suffered: &Suffered,
    shared: &Shared,
) {
    let (mut chunk, mut carried) = (vec![0; 64 * 1024], 0);
    loop {
        let bytes = match from.read(&mut chunk).await {
            Err(_) | Ok(0) => return,
            Ok(count) => &chunk[..count],
        };
        let room = match shared.suffered(suffered) {
            Fault::LosesAnswers(_) => return,
            Fault::CutsAnswers(most) => most.saturating_sub(carried),
            _ => usize::MAX,
        };
        let bytes = &bytes[..bytes.len().min(room)];
        if to.lock().await.write_all(bytes).await.is_err() || bytes.len() == room {
            return;
        }
        carried += bytes.len();
    }
}

impl Shared {
    /// What this connection suffers, now that its client has sent these bytes.
    fn suffer(&self, bytes: &[u8], suffered: &Suffered) -> Fault {
        if ["GET ", "PUT ", "POST ", "HEAD ", "DELETE "].iter().any(|method| bytes.starts_with(method.as_bytes())) {
            self.requests.fetch_add(1, Ordering::SeqCst);
        }
        if matches!(self.suffered(suffered), Fault::None) {
            let mut suffered = suffered.lock().unwrap();
            self.state.send_if_modified(|state| {
                let applies = match &state.fault {
                    Fault::None => false,
                    Fault::Answers(requests, _) | Fault::LosesAnswers(requests) => {
                        requests.iter().any(|start| begins(bytes, start))
                    }
                    _ => true,
                };
                if !applies {
                    return false;
                }
                *suffered = (state.fault.clone(), state.told);
                state.left = state.left.map(|left| left.saturating_sub(1));
                if state.left == Some(0) {
                    state.fault = Fault::None;
                }
                true
            });
        }
        self.suffered(suffered)
    }

    /// What this connection suffers still.
    fn suffered(&self, suffered: &Suffered) -> Fault {
        let mut suffered = suffered.lock().unwrap();
        if suffered.1 != self.state.borrow().told {
            *suffered = Default::default();
        }
        suffered.0.clone()
    }

    fn is_told(&self, fault: Fault, left: Option<usize>) {
        self.state.send_modify(|state| *state = State { fault, left, told: state.told + 1 });
    }
}

/// In HTTP a request begins with its method; in Postgres's protocol a statement follows the message's type and length.
fn begins(bytes: &[u8], start: &str) -> bool {
    bytes.starts_with(start.as_bytes()) || bytes.get(5..).is_some_and(|text| text.starts_with(start.as_bytes()))
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

type Halves = (tokio::io::ReadHalf<Box<dyn Stream>>, tokio::io::WriteHalf<Box<dyn Stream>>);

impl Upstream {
    async fn connect(&self) -> Option<Halves> {
        let stream: Box<dyn Stream> = match self {
            Self::Tcp(address) => Box::new(TcpStream::connect(address).await.ok()?),
            Self::Unix(path) => Box::new(UnixStream::connect(path).await.ok()?),
        };
        Some(tokio::io::split(stream))
    }
}
