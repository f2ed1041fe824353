//! A load generator: keep-alive connections on one thread, raw requests, no library in between.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What came of a run.
pub struct Outcome {
    /// Answers a second.
    pub per_second: f64,
    /// Half were faster.
    pub p50: Duration,
    /// 99 of 100 were faster.
    pub p99: Duration,
    /// Bytes of a body, on average.
    pub bytes_each: usize,
}

/// A GET as bytes.
pub fn get(path: &str, token: Option<&str>) -> Vec<u8> {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\n{authorization}\r\n").into_bytes()
}

/// A PUT as bytes.
pub fn put(path: &str, token: &str, body: &str) -> Vec<u8> {
    format!(
        "PUT {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Whether the server answers 200 there.
pub fn answers(address: SocketAddr, path: &str) -> bool {
    use std::io::{Read as _, Write as _};
    let Ok(mut stream) = std::net::TcpStream::connect(address) else { return false };
    let mut answer = [0; 64];
    stream.write_all(&get(path, None)).is_ok()
        && stream.read(&mut answer).is_ok()
        && answer.starts_with(b"HTTP/1.1 200")
}

/// The same requests with `If-None-Match`.
pub fn with_etags(address: SocketAddr, requests: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = Connection::open(address).await;
        let mut tagged = Vec::with_capacity(requests.len());
        for request in requests {
            connection.ask(request).await;
            let head = String::from_utf8_lossy(&connection.buffer[..connection.head_length]).into_owned();
            let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
            let plain = String::from_utf8(request.clone()).unwrap();
            tagged.push(plain.replacen("\r\n\r\n", &format!("\r\nIf-None-Match: {tag}\r\n\r\n"), 1).into_bytes());
        }
        tagged
    })
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    head_length: usize,
}

impl Connection {
    async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::with_capacity(64 * 1024), head_length: 0 }
    }

    /// Sends, reads the whole answer, gives its status and the length of its body.
    async fn ask(&mut self, request: &[u8]) -> (u16, usize) {
        self.stream.write_all(request).await.unwrap();
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await.unwrap();
            assert!(read > 0, "the server closed the connection");
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                self.head_length = end + 4;
                break;
            }
        }
        let head = &self.buffer[..self.head_length];
        let status = std::str::from_utf8(&head[9..12]).unwrap().parse().unwrap();
        let length = find(head, b"content-length: ").map_or(0, |at| {
            let digits = head[at + 16..].iter().take_while(|byte| byte.is_ascii_digit());
            digits.fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'))
        });
        let length = if status == 304 { 0 } else { length };
        while self.buffer.len() < self.head_length + length {
            let read = self.stream.read_buf(&mut self.buffer).await.unwrap();
            assert!(read > 0, "the server closed the connection");
        }
        (status, length)
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// Asks the requests round and round for so long.
pub fn run(address: SocketAddr, requests: &[Vec<u8>], connections: usize, time: Duration, expected: &[u16]) -> Outcome {
    let requests = Arc::new(requests.to_vec());
    measure(address, requests, connections, time, expected, true)
}

/// Asks each request once, until they are used up or the time is.
pub fn run_once_each(
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
    connections: usize,
    time: Duration,
    expected: &[u16],
) -> Outcome {
    measure(address, Arc::new(requests), connections, time, expected, false)
}

fn measure(
    address: SocketAddr,
    requests: Arc<Vec<Vec<u8>>>,
    connections: usize,
    time: Duration,
    expected: &[u16],
    again: bool,
) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let local = tokio::task::LocalSet::new();
    let (mut times, bytes) = local.block_on(&runtime, async {
        let tasks: Vec<_> = (0..connections)
            .map(|_| {
                let (requests, next, expected) = (Arc::clone(&requests), Arc::clone(&next), expected.to_vec());
                tokio::task::spawn_local(async move {
                    let mut connection = Connection::open(address).await;
                    let (mut times, mut bytes) = (Vec::new(), 0);
                    while begun.elapsed() < time {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        if !again && index >= requests.len() {
                            break;
                        }
                        let asked = Instant::now();
                        let (status, length) = connection.ask(&requests[index % requests.len()]).await;
                        assert!(
                            expected.contains(&status),
                            "status {status}: {}",
                            String::from_utf8_lossy(&connection.buffer)
                        );
                        times.push(asked.elapsed());
                        bytes += length;
                    }
                    (times, bytes)
                })
            })
            .collect();
        let (mut all, mut sum) = (Vec::new(), 0);
        for task in tasks {
            let (times, bytes) = task.await.unwrap();
            all.extend(times);
            sum += bytes;
        }
        (all, sum)
    });
    let took = begun.elapsed().as_secs_f64();
    times.sort_unstable();
    Outcome {
        per_second: times.len() as f64 / took,
        p50: times[times.len() / 2],
        p99: times[times.len() * 99 / 100],
        bytes_each: bytes / times.len(),
    }
}
