//! How much one source, one account or one clinic may ask: counters in the database, so that they outlive a restart, and a bound on all
//! requests of one source in memory.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_web::HttpRequest;

use crate::http::connections::network_of;
use ground::time::Stopwatch;

/// Sources that are remembered at once; beyond it, those whose minute is over are forgotten first.
const REMEMBERED: usize = 50_000;
/// Behind an address of this machine or of a private network stands who knows how many: it may ask so many times as much.
const SHARED: u32 = 1_000;
/// The window of the bound on requests.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Where a request comes from: that many proxies from the end of `X-Forwarded-For`, or the connection's peer. A network, not an address:
/// whoever has an IPv6 address has the whole /64.
pub fn source_of(request: &HttpRequest, trusted_proxies: usize) -> Option<IpAddr> {
    let peer = request.peer_addr().map(|peer| peer.ip());
    let forwarded = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = forwarded.flat_map(|line| line.split(',')).map(str::trim).collect();
    let hop = match trusted_proxies {
        0 => None,
        trusted => hops.len().checked_sub(trusted).and_then(|index| hops.get(index)).and_then(|hop| address_in(hop)),
    };
    hop.or(peer).map(network_of)
}

/// What a proxy may write for an address: itself, with a port, or in brackets.
fn address_in(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim_matches('"');
    let bare = hop.strip_prefix('[').and_then(|rest| rest.split(']').next()).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
}

/// Whether many may stand behind that address: this machine (a proxy that is not declared), or a private network.
pub fn is_shared(source: IpAddr) -> bool {
    match source {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_unspecified(),
    }
}

/// Tells once that a proxy stands in front that nobody declared: then everybody behind it counts as one source.
#[derive(Default)]
pub struct UndeclaredProxy(AtomicBool);

impl UndeclaredProxy {
    /// Looks at a request; warns in the log if it is the first of this process that came so. Whether it did.
    pub fn look(&self, request: &HttpRequest, trusted_proxies: usize) -> bool {
        let came_through = trusted_proxies == 0
            && request.peer_addr().is_some_and(|peer| is_shared(peer.ip().to_canonical()))
            && ["x-forwarded-for", "forwarded"].iter().any(|name| request.headers().contains_key(*name));
        let is_first = came_through && !self.0.swap(true, Ordering::Relaxed);
        if is_first {
            tracing::warn!(
                "requests come through a proxy that is not declared, and count as one source: set trusted_proxies"
            );
        }
        is_first
    }
}

/// A source as it is written down: so short that it names a neighbourhood, not a household.
pub fn neighbourhood(source: Option<IpAddr>) -> String {
    match source {
        Some(IpAddr::V4(v4)) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        Some(IpAddr::V6(v6)) => {
            let [a, b, c, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
        None => "unknown".to_owned(),
    }
}

/// What is left of a source's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// In a window.
    pub most: u32,
    /// Of these, in the window that runs.
    pub remaining: u32,
    /// Seconds until it ends.
    pub seconds: u64,
    /// Whether this request is one too many.
    pub exceeded: bool,
}

/// Counts the requests of each source in windows of a minute.
pub struct Requests {
    most: u32,
    clock: Stopwatch,
    seen: Mutex<HashMap<IpAddr, (Duration, u32)>>,
}

impl Requests {
    /// At most so many of one source in a minute; 0: as many as they like.
    pub fn new(most: u32) -> Self {
        Self { most, clock: Stopwatch::start(), seen: Mutex::default() }
    }

    /// Counts one; `None` where there is no bound.
    pub fn count(&self, source: Option<IpAddr>) -> Option<Left> {
        let source = source.filter(|_| self.most > 0)?;
        let most = if is_shared(source) { self.most.saturating_mul(SHARED) } else { self.most };
        let now = self.clock.elapsed();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= REMEMBERED {
            seen.retain(|_, (since, _)| now.saturating_sub(*since) < WINDOW);
        }
        let (since, count) = seen.entry(source).or_insert((now, 0));
        if now.saturating_sub(*since) >= WINDOW {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        let seconds = WINDOW.saturating_sub(now.saturating_sub(*since)).as_secs().max(1);
        Some(Left { most, remaining: most.saturating_sub(*count), seconds, exceeded: *count > most })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_however_a_proxy_writes_it() {
        for (hop, address) in [
            ("203.0.113.7", "203.0.113.7"),
            ("203.0.113.7:4711", "203.0.113.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("\"[2001:db8::7]:4711\"", "2001:db8::7"),
        ] {
            assert_eq!(address_in(hop), address.parse().ok(), "{hop}");
        }
        for hop in ["", "unknown", "_hidden", "203.0.113", "a:b"] {
            assert_eq!(address_in(hop), None, "{hop}");
        }
    }

    #[test]
    fn a_source_is_a_network_and_is_written_down_as_a_neighbourhood() {
        let network = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:203.0.113.7"), network("203.0.113.7"));
        assert_eq!(neighbourhood(Some(network("203.0.113.7"))), "203.0.113.0/24");
        assert_eq!(neighbourhood(Some(network("2001:db8:1:2::1"))), "2001:db8:1::/48");
    }

    #[test]
    fn a_proxy_that_nobody_declared_is_told_of_once() {
        let request = |peer: &str, header: &str| {
            let request = actix_web::test::TestRequest::default().peer_addr(peer.parse().unwrap());
            request.insert_header((header, "203.0.113.7")).to_http_request()
        };
        for (peer, header, trusted, told) in [
            ("127.0.0.1:1", "x-forwarded-for", 0, true),
            ("10.0.0.7:1", "forwarded", 0, true),
            ("[::ffff:10.0.0.7]:1", "x-forwarded-for", 0, true),
            ("[::1]:1", "forwarded", 0, true),
            ("127.0.0.1:1", "x-forwarded-for", 1, false),
            ("198.51.100.7:1", "x-forwarded-for", 0, false),
            ("127.0.0.1:1", "x-forwarded-host", 0, false),
        ] {
            let (proxy, request) = (UndeclaredProxy::default(), request(peer, header));
            assert_eq!(proxy.look(&request, trusted), told, "{peer} {header} {trusted}");
            assert!(!proxy.look(&request, trusted), "twice is once");
        }
    }

    #[test]
    fn one_source_does_not_use_up_what_another_has() {
        let requests = Requests::new(2);
        let (one, other) = ("203.0.113.7".parse().ok(), "203.0.113.8".parse().ok());
        let counted: Vec<Left> = (0..3).filter_map(|_| requests.count(one)).collect();
        assert_eq!(counted.iter().map(|left| left.remaining).collect::<Vec<_>>(), [1, 0, 0]);
        assert_eq!(counted.iter().map(|left| left.exceeded).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!(requests.count(other).map(|left| left.remaining), Some(1));
        assert_eq!(Requests::new(0).count(one), None);
    }
}
