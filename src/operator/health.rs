//! `aftercare health`: whether the server of these settings answers.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use crate::config::{Config, local_address};
use crate::error::Error;

/// How long it may take to connect, and again to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks `/healthz` where `listen` says; `true` if the answer is 200.
///
/// # Errors
/// `Error::Setting` that names the address: nobody answers there.
pub fn is_up(config: &Config) -> Result<bool, Error> {
    let address = local_address(&config.listen);
    ask(&address).map_err(|why| Error::Setting(format!("the server at {address} does not answer: {why}")))
}

fn ask(address: &str) -> std::io::Result<bool> {
    let found = address.to_socket_addrs()?.next().ok_or(std::io::ErrorKind::AddrNotAvailable)?;
    let mut stream = TcpStream::connect_timeout(&found, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(4_096).read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}
