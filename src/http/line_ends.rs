//! A connection whose request heads end their lines with CR LF and nothing else.
//!
//! The parser beneath takes a bare LF too. A proxy in front may not, and then the two see different requests in the same bytes
//! (request smuggling, T37). So the bytes are watched on their way to the parser: a bare LF in a head becomes NUL, which the
//! parser refuses with 400 and an end of the connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Of a line, as much is kept as the longest header takes that says how long a body is.
const KEPT: usize = 128;

/// A caller's connection, watched.
pub struct WatchedStream {
    stream: TcpStream,
    watch: Watch,
}

impl WatchedStream {
    /// Watches from the first byte on.
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, watch: Watch::default() }
    }

    /// The connection itself, for its addresses.
    pub const fn stream(&self) -> &TcpStream {
        &self.stream
    }
}

impl AsyncRead for WatchedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Some(arrived) = buffer.filled_mut().get_mut(before..) {
            self.watch.pass(arrived);
        }
        polled
    }
}

impl AsyncWrite for WatchedStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Where in the stream of requests the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Place {
    /// In a request line or a header.
    #[default]
    Head,
    /// In a body, or in a piece of one, of which so many bytes are to come.
    Body { left: u64, then_pieces: bool },
    /// In the line that says how long the next piece is.
    PieceLength,
    /// In the lines after the last piece.
    Trailer,
    /// The parser refuses what was read: it closes, and nothing that follows is a request.
    Refused,
}

/// Follows the requests of a connection as far as it takes to know which bytes are heads.
#[derive(Default)]
struct Watch {
    place: Place,
    /// The line that is under way, its beginning.
    line: Vec<u8>,
    /// The last byte was CR.
    after_cr: bool,
    /// What the head has said so far.
    seen: Head,
}

#[derive(Clone, Copy, Default)]
struct Head {
    /// The request line is there: the next empty line ends the head.
    begun: bool,
    length: u64,
    in_pieces: bool,
}

impl Watch {
    fn pass(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            match &mut self.place {
                Place::Refused => return,
                Place::Body { left, then_pieces } => {
                    let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left -= u64::try_from(here).unwrap_or(*left);
                    if *left == 0 {
                        self.place = if *then_pieces { Place::PieceLength } else { Place::Head };
                    }
                    bytes = bytes.get_mut(here..).unwrap_or_default();
                }
                Place::Head | Place::PieceLength | Place::Trailer => {
                    let Some(at) = bytes.iter().position(|byte| *byte == b'\n') else {
                        self.keep(bytes);
                        return;
                    };
                    let (line, rest) = bytes.split_at_mut(at + 1);
                    self.keep(line.get(..at).unwrap_or_default());
                    if self.after_cr {
                        self.end_line();
                    } else {
                        line.fill(0);
                        self.place = Place::Refused;
                    }
                    self.line.clear();
                    self.after_cr = false;
                    bytes = rest;
                }
            }
        }
    }

    fn keep(&mut self, part: &[u8]) {
        if let Some(last) = part.last() {
            self.after_cr = *last == b'\r';
        }
        let room = KEPT.saturating_sub(self.line.len()).min(part.len());
        self.line.extend_from_slice(part.get(..room).unwrap_or_default());
    }

    fn end_line(&mut self) {
        let line = self.line.trim_ascii();
        match self.place {
            Place::Head if !line.is_empty() => {
                if self.seen.begun {
                    self.seen.read(line);
                }
                self.seen.begun = true;
            }
            // Empty lines before a request line are none of it.
            Place::Head if !self.seen.begun => {}
            Place::Head => {
                let Head { length, in_pieces, .. } = std::mem::take(&mut self.seen);
                self.place = match (in_pieces, length) {
                    (true, _) => Place::PieceLength,
                    (false, 0) => Place::Head,
                    (false, left) => Place::Body { left, then_pieces: false },
                };
            }
            Place::PieceLength => {
                let digits = line.split(|byte| matches!(byte, b';' | b' ' | b'\t')).next().unwrap_or_default();
                let length = std::str::from_utf8(digits).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok());
                self.place = match length {
                    Some(0) => Place::Trailer,
                    // The piece, and the line's end behind it.
                    Some(length) => Place::Body { left: length.saturating_add(2), then_pieces: true },
                    None => Place::Refused,
                };
            }
            Place::Trailer if line.is_empty() => self.place = Place::Head,
            Place::Trailer | Place::Body { .. } | Place::Refused => {}
        }
    }
}

impl Head {
    /// What cannot be read here is refused by the parser.
    fn read(&mut self, header: &[u8]) {
        let Some((name, value)) = std::str::from_utf8(header).ok().and_then(|header| header.split_once(':')) else {
            return;
        };
        if name.eq_ignore_ascii_case("content-length") {
            self.length = value.trim().parse().unwrap_or(0);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            self.in_pieces = value.trim().eq_ignore_ascii_case("chunked");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A request whose body is full of bare LFs, as nobody may mind: plain, or in pieces with a trailer.
    fn request(body: &[u8], in_pieces: bool) -> (Vec<u8>, Vec<usize>) {
        let framing = if in_pieces {
            "Transfer-Encoding: chunked".to_owned()
        } else {
            format!("content-LENGTH:  {}", body.len())
        };
        let head = format!("POST /v1/x HTTP/1.1\r\nhost: a\r\n{framing}\r\nx-long: {}\r\n\r\n", "y".repeat(300));
        let ends = head.match_indices("\r\n").map(|(at, _)| at).collect();
        let mut bytes = head.into_bytes();
        if in_pieces {
            for piece in body.chunks(3) {
                bytes.extend_from_slice(format!("{:x};note=1\r\n", piece.len()).as_bytes());
                bytes.extend_from_slice(piece);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\nx-sum: 1\r\n\r\n");
        } else {
            bytes.extend_from_slice(body);
        }
        (bytes, ends)
    }

    fn passed(bytes: &[u8], step: usize) -> Vec<u8> {
        let mut watch = Watch::default();
        let mut all = bytes.to_vec();
        all.chunks_mut(step).for_each(|piece| watch.pass(piece));
        all
    }

    proptest! {
        #[test]
        fn a_bare_lf_is_spoilt_in_every_head_and_in_nothing_else(
            bodies in prop::collection::vec((prop::collection::vec(prop::sample::select(b"\r\n{:a".to_vec()), 0..40), any::<bool>()), 1..4),
            spoil in any::<prop::sample::Index>(),
            step in 1_usize..600,
        ) {
            let mut stream = Vec::new();
            let mut heads = Vec::new();
            for (body, in_pieces) in &bodies {
                let (bytes, ends) = request(body, *in_pieces);
                heads.extend(ends.into_iter().map(|at| at + stream.len()));
                stream.extend(bytes);
            }
            prop_assert_eq!(&passed(&stream, step), &stream);
            let at = *spoil.get(&heads);
            let before = stream.get(..at).unwrap_or_default().to_vec();
            stream.remove(at);
            let seen = passed(&stream, step);
            prop_assert_eq!(seen.get(at), Some(&0));
            prop_assert!(seen.starts_with(before.get(..before.len().saturating_sub(step.max(400))).unwrap_or_default()));
        }
    }
}
