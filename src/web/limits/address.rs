//! From where a request comes.
//!
//! That is who opened the connection; only the proxies in `trusted_proxies` may speak for somebody else, in
//! `X-Forwarded-For` or `Forwarded` (RFC 7239). These lists are walked from the right, where our own proxies have written, up
//! to the first address that is none of theirs: what stands further left is whatever the client liked to send.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Once;

use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::{HttpRequest, web};
use ipnet::IpNet;

use crate::app::AppState;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED: HeaderName = HeaderName::from_static("forwarded");

/// Whose limits a request counts against: an IPv4 address, or the network of 64 bits that one household or server has of
/// IPv6.
#[must_use]
pub fn of(request: &HttpRequest) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| peer.ip());
    let trusted = request.app_data::<web::Data<AppState>>().map_or(&[][..], |state| &state.config.trusted_proxies);
    network(client(peer, request.headers(), trusted))
}

fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(&peer) {
        if headers.contains_key(FORWARDED_FOR) || headers.contains_key(FORWARDED) {
            warn_once(peer);
        }
        return peer;
    }
    // The last one that a trusted hop vouches for. What stands left of that is not read.
    let walk = |name: &HeaderName, read: fn(&str) -> Option<IpAddr>| {
        headers.contains_key(name).then(|| {
            let mut client = peer;
            for hop in hops_from_the_right(headers, name) {
                let Some(address) = read(hop) else { break };
                client = address;
                if !is_trusted(&address) {
                    break;
                }
            }
            client
        })
    };
    match (walk(&FORWARDED_FOR, forwarded_for), walk(&FORWARDED, forwarded)) {
        (None, None) => peer,
        (Some(client), None) | (None, Some(client)) => client,
        // A proxy writes one of the two and passes the client's own other one on: believing either would let it choose.
        (Some(one), Some(other)) => {
            if one == other {
                one
            } else {
                peer
            }
        }
    }
}

/// The hops in a header, from right to left, several lines of it as one.
fn hops_from_the_right<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines: Vec<_> = headers.get_all(name).map(|line| line.to_str().unwrap_or("?")).collect();
    lines.into_iter().rev().flat_map(|line| line.rsplit(',')).map(str::trim)
}

/// An address, with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
fn forwarded_for(hop: &str) -> Option<IpAddr> {
    let bare = || hop.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    let with_port = || hop.parse::<SocketAddr>().ok().map(|address| address.ip());
    hop.parse().ok().or_else(with_port).or_else(bare).map(|address: IpAddr| address.to_canonical())
}

/// `for=192.0.2.1;proto=https`, `For="[2001:db8::1]:80"`.
fn forwarded(hop: &str) -> Option<IpAddr> {
    let mut pairs = hop.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    forwarded_for(value.trim().trim_matches('"'))
}

/// An IPv4 address, or the network of 64 bits of an IPv6 address.
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(cut(v6, 64)),
    }
}

fn cut(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & !u128::MAX.unbounded_shr(bits))
}

/// A network that contains the one of [`of`], of people who may have nothing to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Wider {
    /// Its first address.
    pub network: Ipv6Addr,
    /// The length of its prefix.
    pub bits: u8,
    /// What one network may do, all in this one together may do so many times.
    pub factor: u32,
}

/// The networks of IPv6 around one of 64 bits, the narrowest first. Providers give households 56 or 48 bits, and whoever rents
/// a server often gets as much: limits for 64 bits alone would be multiplied by 256 and by 65 536.
pub fn wider(network: IpAddr) -> impl Iterator<Item = Wider> + use<> {
    let v6 = match network {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => Some(v6),
    };
    v6.into_iter().flat_map(|v6| WIDER.map(|(bits, factor)| Wider { network: cut(v6, bits.into()), bits, factor }))
}

/// Lengths of prefixes, and how much more than one of 64 bits each may do.
pub const WIDER: [(u8, u32); 2] = [(56, 3), (48, 10)];

/// Behind a proxy that is not trusted everyone shares its limits, which its owner should hear of.
fn warn_once(peer: IpAddr) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(%peer, "a request says for whom it was forwarded, and its sender is not in trusted_proxies: if that is \
            your proxy, everyone behind it counts as one client");
    });
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderValue};

    use super::{FORWARDED, FORWARDED_FOR, client, network, wider};

    #[test]
    fn only_trusted_proxies_speak_for_others_and_lists_are_read_from_the_right() {
        let trusted = ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"].map(|network| network.parse().unwrap());
        for (peer, forwarded_for, forwarded, expected) in [
            ("203.0.113.9", &[][..], &[][..], "203.0.113.9"),
            ("203.0.113.9", &["198.51.100.1"], &["for=198.51.100.1"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1"], &[], "198.51.100.1"),
            ("::ffff:10.0.0.1", &["198.51.100.1"], &[], "198.51.100.1"),
            ("10.0.0.1", &["8.8.8.8, 198.51.100.1"], &[], "198.51.100.1"),
            ("10.0.0.1", &["8.8.8.8", "198.51.100.1, 192.0.2.7 , 10.2.3.4"], &[], "198.51.100.1"),
            ("10.0.0.1", &["10.0.0.9, 10.0.0.8"], &[], "10.0.0.9"),
            ("10.0.0.1", &["198.51.100.1, nonsense"], &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1, nonsense, 10.0.0.3"], &[], "10.0.0.3"),
            ("10.0.0.1", &[""], &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1:4711"], &[], "198.51.100.1"),
            ("10.0.0.1", &["[2001:db8::1]:80"], &[], "2001:db8::1"),
            ("fd00::2", &["2001:db8::1"], &[], "2001:db8::1"),
            ("10.0.0.1", &[], &["for=198.51.100.1;proto=https;by=10.0.0.1"], "198.51.100.1"),
            ("10.0.0.1", &[], &["for=8.8.8.8, For=\"[2001:db8::1]:80\""], "2001:db8::1"),
            ("10.0.0.1", &[], &["for=_hidden"], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1"], &["for=8.8.8.8"], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1"], &["for=198.51.100.1"], "198.51.100.1"),
        ] {
            let mut headers = HeaderMap::new();
            let lines = forwarded_for.iter().map(|line| (FORWARDED_FOR, line));
            for (name, line) in lines.chain(forwarded.iter().map(|line| (FORWARDED, line))) {
                headers.append(name, HeaderValue::from_static(line));
            }
            let found = client(peer.parse().unwrap(), &headers, &trusted);
            assert_eq!(found.to_string(), expected, "{peer} {forwarded_for:?} {forwarded:?}");
        }
    }

    #[test]
    fn ipv6_counts_by_the_network_of_one_household() {
        for (address, expected) in
            [("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"), ("192.0.2.1", "192.0.2.1"), ("::1", "::")]
        {
            assert_eq!(network(address.parse().unwrap()).to_string(), expected);
        }
    }

    #[test]
    fn networks_around_a_household_of_ipv6_are_counted_too() {
        let around = |network: &str| {
            let wider = wider(network.parse().unwrap());
            wider.map(|wider| format!("{}/{} {}", wider.network, wider.bits, wider.factor)).collect::<Vec<_>>()
        };
        assert_eq!(around("2001:db8:1:2345::"), ["2001:db8:1:2300::/56 3", "2001:db8:1::/48 10"]);
        assert!(around("192.0.2.1").is_empty());
    }
}
