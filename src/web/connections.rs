//! How many connections there may be, in all and from one address, so that nobody can take every file descriptor.
//!
//! The limit on descriptors is raised to what the system allows. Three fifths of them are for connections; the others stay
//! for Postgres, the storage and the files that uploads and downloads need. One address gets half of the connections, and
//! the networks of IPv6 around it three quarters: however many they hold open, others are answered.

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

/// The prefix of what counts as one address: one of IPv4, 64 bits of IPv6.
const NARROWEST: u8 = 64;

/// What a connection keeps until it is closed.
pub struct Connection {
    /// The rest of a body that nobody has read.
    pub(super) unread: Rc<RefCell<Option<Payload>>>,
    _place: Place,
}

/// Those that are open.
#[derive(Clone, Debug)]
pub struct Connections {
    open: Arc<Mutex<Open>>,
    max: usize,
    trusted: Arc<[IpNet]>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    /// By network: its address and the length of its prefix. That of an IPv4 address is not looked at.
    of: HashMap<(IpAddr, u8), usize>,
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
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).all;
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
        if place.is_one_too_many && !is_trusted {
            tracing::debug!(%group, "too many connections from one address");
            // The server reads the end of the stream, and lets go of it.
            let _ = rustix::net::shutdown(socket, Shutdown::Both);
        }
        data.insert(Connection { unread: Rc::default(), _place: place });
    }

    fn place(&self, group: IpAddr) -> Place {
        let around = address::wider(group).map(|wider| ((IpAddr::V6(wider.network), wider.bits), self.max / 4 * 3));
        let bounds: Vec<_> = std::iter::once(((group, NARROWEST), self.max / 2)).chain(around).collect();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all += 1;
        let mut is_one_too_many = false;
        for &(network, most) in &bounds {
            let count = open.of.entry(network).or_default();
            *count += 1;
            is_one_too_many |= *count > most;
        }
        let networks = bounds.into_iter().map(|(network, _)| network).collect();
        Place { open: Arc::clone(&self.open), networks, is_one_too_many }
    }
}

/// One of the connections of an address, until it is dropped.
struct Place {
    open: Arc<Mutex<Open>>,
    networks: Vec<(IpAddr, u8)>,
    /// Whether one of the networks has more than it may have, with this one.
    is_one_too_many: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all -= 1;
        for network in &self.networks {
            if let Some(count) = open.of.get_mut(network) {
                *count -= 1;
                if *count == 0 {
                    open.of.remove(network);
                }
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
        let places: Vec<_> = (0..6).map(|_| connections.place(address)).collect();
        let too_many: Vec<_> = places.iter().map(|place| place.is_one_too_many).collect();
        assert_eq!(too_many, [false, false, false, false, false, true]);
        assert_eq!(connections.usage().open, 6);
        drop(places);
        assert_eq!(connections.usage().open, 0);
        assert!(connections.open.lock().unwrap().of.is_empty());
    }

    #[test]
    fn the_networks_of_one_household_do_not_get_all() {
        let connections = Connections { open: Arc::default(), max: 100, trusted: Arc::new([]) };
        let networks = (0..100_u16).map(|it| IpAddr::from([0x2001, 0xdb8, 1, it % 4, 0, 0, 0, 0]));
        let places: Vec<_> = networks.map(|network| connections.place(network)).collect();
        assert_eq!(places.iter().filter(|place| !place.is_one_too_many).count(), 75);
        let other = IpAddr::from([0x2001, 0xdb8, 2, 0, 0, 0, 0, 0]);
        assert!(!connections.place(other).is_one_too_many);
    }
}
