//! How many connections there may be: in all as many as the process may open files, and from one address a part of that, so that
//! nobody takes all of them.

use std::collections::HashMap;
use std::net::{IpAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;

/// More are never of use to one process.
const MOST: usize = 20_000;
/// Files that are no connections of callers: the database, its readers, the log, the relay.
const OTHER_FILES: usize = 200;
/// The share of one address, as a divisor; and what an address may have in any case.
const SHARE: usize = 4;
const SHARE_AT_LEAST: usize = 64;

/// Raises the number of files that this process may open as far as the system lets it, and gives how many connections fit.
pub fn make_room() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if limit.current != limit.maximum
        && let Err(why) = setrlimit(Resource::Nofile, raised)
    {
        tracing::warn!(%why, "the number of files that may be open cannot be raised");
    }
    let files = getrlimit(Resource::Nofile).current.map_or(MOST, |files| usize::try_from(files).unwrap_or(MOST));
    files.saturating_sub(OTHER_FILES).clamp(SHARE_AT_LEAST, MOST)
}

/// From now on no new connection reaches the listener, and those that have begun can still be taken. When a listener is closed, the
/// kernel resets what waits in it; a caller whose first packet was dropped instead tries again, and finds the port closed or another node.
#[cfg(target_os = "linux")]
pub fn turn_away(listener: &TcpListener) -> std::io::Result<()> {
    // Classic BPF over the packet from its TCP header on. Only the packet that opens a connection may be dropped: a caller who has been
    // answered takes the connection for open, and would see it reset.
    const LOAD_BYTE: u16 = 0x30;
    const SKIP_UNLESS_SET: u16 = 0x45;
    const KEEP_BYTES: u16 = 0x06;
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    socket2::SockRef::from(listener).attach_filter(&[
        socket2::SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        socket2::SockFilter::new(SKIP_UNLESS_SET, 0, 1, SYN),
        socket2::SockFilter::new(KEEP_BYTES, 0, 0, 0),
        socket2::SockFilter::new(KEEP_BYTES, 0, 0, u32::MAX),
    ])
}

/// Only Linux can; elsewhere, connections that come in the moment of closing may be reset.
#[cfg(not(target_os = "linux"))]
pub fn turn_away(_: &TcpListener) -> std::io::Result<()> {
    Ok(())
}

/// The connections that are open, by their address.
#[derive(Clone, Default)]
pub struct Connections {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    /// `None`: whoever connects is a proxy that speaks for many.
    most_of_one: Option<usize>,
}

impl Connections {
    /// Bounds each address to its share of `most`, unless proxies stand in front.
    pub fn new(most: usize, behind_proxies: bool) -> Self {
        let share = (most / SHARE).max(SHARE_AT_LEAST);
        Self { most_of_one: (!behind_proxies).then_some(share), ..Self::default() }
    }

    /// Called by actix with each new connection: one too many is closed at once.
    pub fn opened(&self, stream: &TcpStream, data: &mut Extensions) {
        let Some(most) = self.most_of_one else { return };
        let Ok(peer) = stream.peer_addr() else { return };
        let address = network_of(peer.ip());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        *count += 1;
        if *count > most
            && let Err(why) = rustix::net::shutdown(stream, rustix::net::Shutdown::Both)
        {
            tracing::debug!(%why, "a connection too many was gone already");
        }
        data.insert(Counted { open: Arc::clone(&self.open), address });
    }
}

/// What one person or machine has: an IPv4 address, or the /64 of an IPv6 one.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

/// One connection; it is counted until it closes.
struct Counted {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    address: IpAddr,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}
