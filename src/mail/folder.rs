//! A mailer for a demo or a hand-over: one `.eml` file for each letter, which any mail program opens.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{fs, io::AsyncWriteExt, sync::Mutex};

use super::{Accepted, Failure, Mail, Phase, Sender, SettingsError, compose};

/// A folder of letters. Clones share it.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    sender: Sender,
    /// The message ids that are there, as file names have them; the lock makes "never twice" hold between tasks.
    written: Arc<Mutex<HashSet<String>>>,
}

impl Folder {
    /// Opens the folder, makes it if need be (readable by its owner only), and reads which letters it holds.
    pub(super) fn open(path: PathBuf, sender: Sender) -> Result<Self, SettingsError> {
        let unusable = |error: io::Error| {
            SettingsError::new(format!("The mail folder {} cannot be used: {error}.", path.display()))
        };
        make(&path).map_err(unusable)?;
        let mut written = HashSet::new();
        for entry in std::fs::read_dir(&path).map_err(unusable)? {
            let name = entry.map_err(unusable)?.file_name();
            written.extend(name.to_str().and_then(id_in).map(str::to_owned));
        }
        Ok(Self { path, sender, written: Arc::new(Mutex::new(written)) })
    }

    pub(super) fn sender(&self) -> &Sender {
        &self.sender
    }

    /// Writes the letter once; a letter that is there already is accepted again and left as it is.
    pub(super) async fn send(&self, mail: &Mail) -> Result<Accepted, Failure> {
        let letter = compose::letter(mail, &self.sender)?;
        let id = letter.id.replace('@', "+");
        let mut written = self.written.lock().await;
        if !written.contains(&id) {
            let stamp = mail.sent_at.timestamp().strftime("%Y%m%dT%H%M%SZ");
            let name = format!("{stamp}-{id}.eml");
            self.write(&name, &letter.bytes)
                .await
                .map_err(|error| Failure::broken(Phase::Store, format!("the mail folder: {}", error.kind())))?;
            written.insert(id);
        }
        Ok(Accepted { reply: None })
    }

    /// Under another name first, so that nobody finds half a letter; on disk before it counts as sent.
    async fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let unfinished = self.path.join(format!(".{name}.part"));
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        options.mode(0o600);
        let mut file = options.open(&unfinished).await?;
        file.write_all(bytes).await?;
        file.sync_all().await?;
        fs::rename(&unfinished, self.path.join(name)).await?;
        fs::File::open(&self.path).await?.sync_all().await
    }
}

fn make(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// The id in `<stamp>-<id>.eml`; the stamp has no dash.
fn id_in(name: &str) -> Option<&str> {
    let name = name.strip_suffix(".eml").filter(|name| !name.starts_with('.'))?;
    name.split_once('-').map(|(_, id)| id)
}
