//! How many connections there may be, in all and from one address, so that nobody can take every file descriptor.
//!
//! The limit on descriptors is raised to what the system allows. Three fifths of them are for connections; the others stay
//! for Postgres, the storage and the files that uploads and downloads need. One address gets half of the connections:
//! however many it holds open, others are answered.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::dev::{Extensions, Payload};
use actix_web::rt::net::TcpStream;
use ipnet::IpNet;
use rustix::net::Shutdown;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::web::limits::address;

/// Where the system sets no limit; also what `actix-server` allows each of its threads by default.
const MAX_CONNECTIONS: usize = 25_600;
/// Descriptors that are never given to connections: the database's, those of programs that are started, the log's.
const OWN_DESCRIPTORS: usize = 64;

/// What a connection keeps until it is closed.
pub struct Connection {
    /// The rest of a body that nobody has read.
    pub(super) unread: Rc<RefCell<Option<Payload>>>,
    _place: Place,
}

/// Those that are open.
#[derive(Clone, Debug)]
pub struct Connections {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    max: usize,
    trusted: Arc<[IpNet]>,
}

/// How many there are.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionsUsage {
    /// Now.
    pub open: usize,
    /// At most.
    pub max: usize,
}

impl Connections {
    /// As many as the system allows. `trusted` proxies may hold all of them: many people come through one.
    #[must_use]
    pub fn new(trusted: &[IpNet]) -> Self {
        Self { open: Arc::default(), max: max_connections(raise_descriptor_limit()), trusted: trusted.into() }
    }

    /// How many there may be.
    #[must_use]
    pub fn max(&self) -> usize {
        self.max
    }

    /// How many there are.
    #[must_use]
    pub fn usage(&self) -> ConnectionsUsage {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).values().sum();
        ConnectionsUsage { open, max: self.max }
    }

    /// Counts a new connection, and closes it when its address has too many.
    pub fn opened(&self, connection: &dyn Any, data: &mut Extensions) {
        let Some(socket) = connection.downcast_ref::<TcpStream>() else { return };
        let Ok(peer) = socket.peer_addr() else { return };
        let address = peer.ip().to_canonical();
        let is_trusted = self.trusted.iter().any(|network| network.contains(&address));
        let group = address::network(address);
        let place = self.place(group);
        if place.count > self.max / 2 && !is_trusted {
            tracing::debug!(%group, "too many connections from one address");
            // The server reads the end of the stream, and lets go of it.
            let _ = rustix::net::shutdown(socket, Shutdown::Both);
        }
        data.insert(Connection { unread: Rc::default(), _place: place });
    }

    fn place(&self, group: IpAddr) -> Place {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(group).or_default();
        *count += 1;
        Place { open: Arc::clone(&self.open), group, count: *count }
    }
}

/// One of the connections of an address, until it is dropped.
struct Place {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    group: IpAddr,
    /// How many there were with this one.
    count: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.group) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.group);
            }
        }
    }
}

/// Lets this process open as many files as the system allows it to, and answers how many; `None`: any number.
fn raise_descriptor_limit() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit on open files stays as it is");
            current
        }
    }
}

fn max_connections(descriptors: Option<u64>) -> usize {
    let descriptors = descriptors.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
    (descriptors.saturating_sub(OWN_DESCRIPTORS) / 5 * 3).clamp(2, MAX_CONNECTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_descriptors_are_not_for_connections() {
        assert_eq!(max_connections(Some(1024)), 576);
        assert_eq!(max_connections(Some(10)), 2);
        assert_eq!(max_connections(None), MAX_CONNECTIONS);
    }

    #[test]
    fn a_connection_counts_until_it_is_closed() {
        let connections = Connections { open: Arc::default(), max: 10, trusted: Arc::new([]) };
        let address = IpAddr::from([192, 0, 2, 1]);
        let (one, two) = (connections.place(address), connections.place(address));
        assert_eq!((one.count, two.count, connections.usage().open), (1, 2, 2));
        drop((one, two));
        assert_eq!(connections.usage().open, 0);
        assert!(connections.open.lock().unwrap().is_empty());
    }
}
