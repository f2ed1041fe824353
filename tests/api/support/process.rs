//! The product as a process of its own: commands that end, and servers that go on until a signal.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::database::Database;

/// The secret of every process that a test starts.
pub const SECRET: &str = "0123456789 abcdefghijklmnopqrstuvwxyz";

/// A command with these settings and no others; `AFTERCARE_SECRET` among them replaces the usual one.
pub fn command(words: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aftercare"));
    let mails = std::env::temp_dir().join("aftercare-tests");
    command
        .args(words)
        .env_clear() // the suite's own settings are none of the product's
        .env("AFTERCARE_SECRET", SECRET)
        .env("AFTERCARE_MAIL", format!("folder:{}", mails.display()))
        .envs(settings.iter().copied())
        .stdin(Stdio::null());
    command
}

/// Waits for the command's end: its exit code, and what it said on either channel. One that a signal ended, or that goes on for a minute and
/// is killed, has no code.
pub fn ended(mut command: Command) -> (Option<i32>, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    for _ in 0..1_200 {
        if child.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(child.kill()); // refused where it has ended
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

/// Runs a command to its end.
pub fn run(words: &[&str], settings: &[(&str, &str)]) -> (Option<i32>, String) {
    ended(command(words, settings))
}

/// Runs a command on a database to its end.
pub fn run_on(database: &Database, words: &[&str]) -> (Option<i32>, String) {
    run(words, &[("AFTERCARE_DATABASE_URL", &database.url)])
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A folder that is gone when this is dropped.
pub struct Folder(pub std::path::PathBuf);

impl Folder {
    /// A new one.
    pub fn create() -> Self {
        let number = u64::from_be_bytes(ground::time::Entropy::System.bytes());
        let path = std::env::temp_dir().join("aftercare-tests").join(format!("folder-{number:016x}"));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// The path of a file in it.
    pub fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A process that goes on; killed when this is dropped.
pub struct Running(Child);

impl Running {
    /// Starts it.
    pub fn start(mut command: Command) -> Self {
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.0), signal).unwrap();
    }

    /// Whether it goes on for so long.
    pub fn goes_on(&mut self, so_long: Duration) -> bool {
        std::thread::sleep(so_long);
        self.0.try_wait().unwrap().is_none()
    }

    /// Waits for its end; gives the exit code.
    pub fn end(mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Asks `health` with these settings until it says "up".
pub fn wait_until_up(settings: &[(&str, &str)]) {
    let mut said = String::new();
    for _ in 0..600 {
        match run(&["health"], settings) {
            (Some(0), _) => return,
            (_, why) => said = why,
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("it does not answer: {said}");
}
