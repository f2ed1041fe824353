//! Whether the files of the SQLite database are still those that were opened. A file that somebody removed, replaced or made
//! read-only goes on working for those who have it open, and is gone for everybody after them: what is committed then is lost.
//!
//! Files are looked at by name and never opened: closing any handle on them drops all of SQLite's locks in this process (POSIX).

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The file and its log, as they were when they were opened.
#[derive(Debug, Clone)]
pub(super) struct Files {
    path: PathBuf,
    wal: PathBuf,
    file_id: FileId,
    wal_id: Option<FileId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
}

impl Files {
    /// Those of an open connection to `path`. SQLite follows a symbolic link, and keeps the log beside the file that it leads to.
    pub fn of(path: &str) -> std::io::Result<Self> {
        let path = std::fs::canonicalize(path)?;
        let mut wal = path.clone().into_os_string();
        wal.push("-wal");
        let wal = PathBuf::from(wal);
        let file_id = FileId::of(&path)?;
        Ok(Self { wal_id: FileId::of(&wal).ok(), path, wal, file_id })
    }

    /// What is wrong with them now, in a sentence; the log may be missing only as long as nothing was ever written to it.
    pub fn look(&mut self) -> Result<(), String> {
        match FileId::of(&self.path) {
            Ok(now) if now == self.file_id => {}
            Ok(_) => return Err("the database file was replaced by another".to_owned()),
            Err(why) => return Err(format!("the database file is gone: {why}")),
        }
        match (self.wal_id, FileId::of(&self.wal)) {
            (Some(then), Ok(now)) if now == then => {}
            (Some(_), Ok(_)) => return Err("the database's write-ahead log (-wal) was replaced by another".to_owned()),
            (Some(_), Err(why)) => return Err(format!("the database's write-ahead log (-wal) is gone: {why}")),
            (None, now) => self.wal_id = now.ok(),
        }
        writable(&self.path)
    }
}

/// Root may write whatever the mode says; the operator who took the right away did not mean that.
fn writable(path: &Path) -> Result<(), String> {
    let mode = std::fs::metadata(path).map_err(|why| format!("the database file cannot be looked at: {why}"))?.mode();
    if mode & 0o222 == 0 {
        return Err("the database file was made read-only".to_owned());
    }
    let disk = rustix::fs::statvfs(path).map_err(|why| format!("the database's disk cannot be looked at: {why}"))?;
    if disk.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
        return Err("the database's disk became read-only".to_owned());
    }
    Ok(())
}

impl FileId {
    fn of(path: &Path) -> std::io::Result<Self> {
        let found = std::fs::metadata(path)?;
        Ok(Self { device: found.dev(), inode: found.ino() })
    }
}
