//! `aftercare health`: whether the server of these settings answers.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use crate::config::{Config, local_address};
use crate::error::Error;
use ground::time::Stopwatch;

/// How long it may take to connect, and again to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long it is left alone before it is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Asks `/healthz` where `listen` says; `true` if the answer is 200.
///
/// # Errors
/// `Error::Setting` that names the address: nobody answers there.
pub fn is_up(config: &Config) -> Result<bool, Error> {
    let address = local_address(&config.listen);
    ask(&address, "/healthz").map_err(|why| does_not_answer(&address, &why))
}

/// Asks `/readyz` again and again; `true` as soon as requests are answered.
///
/// # Errors
/// `Error::Setting` that names the address: nobody answered there until the end.
pub fn becomes_ready(config: &Config, within: Duration) -> Result<bool, Error> {
    let (address, watch) = (local_address(&config.listen), Stopwatch::start());
    loop {
        match ask(&address, "/readyz") {
            Ok(true) => return Ok(true),
            Ok(false) if watch.elapsed() >= within => return Ok(false),
            Err(why) if watch.elapsed() >= within => return Err(does_not_answer(&address, &why)),
            _ => std::thread::sleep(ASK_AGAIN),
        }
    }
}

fn does_not_answer(address: &str, why: &std::io::Error) -> Error {
    Error::Setting(format!("the server at {address} does not answer: {why}"))
}

fn ask(address: &str, path: &str) -> std::io::Result<bool> {
    let found = address.to_socket_addrs()?.next().ok_or(std::io::ErrorKind::AddrNotAvailable)?;
    let mut stream = TcpStream::connect_timeout(&found, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.take(4_096).read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}
