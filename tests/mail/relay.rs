//! A small SMTP server that misbehaves on purpose.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// Where it misbehaves, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Says nothing at all.
    Mute,
    /// Answers this command with these words. "." is the end of the message.
    Says(&'static str, &'static str),
    /// Hangs up instead of answering this command.
    Drops(&'static str),
    /// Reads so many bytes of the message and hangs up.
    DropsInBody(usize),
    /// Never answers this command.
    Stalls(&'static str),
    /// Hangs up after each letter it has taken.
    DropsWhenIdle,
}

/// What it heard: each line of each connection, and each message.
#[derive(Default, Clone)]
pub struct Relay {
    pub port: u16,
    lines: Arc<Mutex<Vec<String>>>,
    messages: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Relay {
    pub async fn with(fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = Self { port: listener.local_addr().unwrap().port(), ..Self::default() };
        let heard = relay.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let heard = heard.clone();
                tokio::spawn(async move { heard.talk(stream, fault).await });
            }
        });
        relay
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    pub fn messages(&self) -> Vec<Vec<u8>> {
        self.messages.lock().unwrap().clone()
    }

    /// How often a command with this beginning was heard.
    pub fn heard(&self, start: &str) -> usize {
        self.lines.lock().unwrap().iter().filter(|line| line.starts_with(start)).count()
    }

    /// Every command, whole.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    async fn talk(&self, stream: TcpStream, fault: Fault) -> Option<()> {
        let mut line = BufReader::new(stream);
        if fault == Fault::Mute {
            std::future::pending::<()>().await;
        }
        answer(&mut line, "220 relay.example ready").await?;
        loop {
            let mut heard = Vec::new();
            if line.read_until(b'\n', &mut heard).await.ok()? == 0 {
                return None;
            }
            let command = String::from_utf8_lossy(&heard).trim_end().to_owned();
            self.lines.lock().unwrap().push(command.clone());
            let verb = command.split([' ', ':']).next().unwrap_or_default().to_owned();
            let usual = match verb.as_str() {
                "EHLO" => "250-relay.example\r\n250-8BITMIME\r\n250 SIZE 10000000",
                "DATA" => "354 go on",
                "QUIT" => "221 bye",
                _ => "250 2.1.0 ok",
            };
            misbehave(&mut line, fault, &verb, usual).await?;
            if verb == "DATA" && !matches!(fault, Fault::Says("DATA", _)) {
                let message = message(&mut line, fault).await?;
                self.messages.lock().unwrap().push(message);
                misbehave(&mut line, fault, ".", "250 2.0.0 queued as 4711").await?;
                (fault != Fault::DropsWhenIdle).then_some(())?;
            }
        }
    }
}

async fn misbehave(line: &mut BufReader<TcpStream>, fault: Fault, at: &str, usual: &str) -> Option<()> {
    match fault {
        Fault::Says(verb, words) if verb == at => answer(line, words).await,
        Fault::Drops(verb) if verb == at => None,
        Fault::Stalls(verb) if verb == at => std::future::pending().await,
        _ => answer(line, usual).await,
    }
}

async fn answer(line: &mut BufReader<TcpStream>, words: &str) -> Option<()> {
    line.write_all(format!("{words}\r\n").as_bytes()).await.ok()
}

/// The message, with the dots of transparency still in it.
async fn message(line: &mut BufReader<TcpStream>, fault: Fault) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    while !message.ends_with(b"\r\n.\r\n") {
        if let Fault::DropsInBody(limit) = fault
            && message.len() >= limit
        {
            return None;
        }
        (line.read_until(b'\n', &mut message).await.ok()? > 0).then_some(())?;
    }
    Some(message)
}
