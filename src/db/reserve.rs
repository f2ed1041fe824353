//! A little space beside the database that is kept for the day on which the disk is full: what a relay said to a mail that went
//! out has to be written even then, or the mail would go out again.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

/// Enough for the pages of a few rows and their indexes, in the log.
const BYTES: usize = 512 * 1024;

/// The file that takes the space up.
pub(super) struct Reserve {
    path: PathBuf,
}

impl Reserve {
    /// Beside the database of that path; made now, if there is space for it.
    pub fn beside(database: &str) -> Self {
        let reserve = Self { path: PathBuf::from(format!("{database}-reserve")) };
        reserve.keep();
        reserve
    }

    /// Takes the space up again, as far as there is any.
    pub fn keep(&self) {
        let taken = std::fs::metadata(&self.path)
            .is_ok_and(|found| usize::try_from(found.len()).is_ok_and(|length| length >= BYTES));
        if !taken && let Err(why) = self.fill() {
            drop(std::fs::remove_file(&self.path));
            tracing::warn!(%why, "no space can be kept beside the database for the day on which the disk is full");
        }
    }

    fn fill(&self) -> std::io::Result<()> {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&self.path)?;
        file.write_all(&[0x20; BYTES])
    }

    /// Gives the space to whoever writes next.
    pub fn give_up(&self) {
        drop(std::fs::remove_file(&self.path));
    }
}
