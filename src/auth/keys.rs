//! The life of signing keys: made, published, signing, removed. `aftercare keys` and the start of a server use it.

use super::{store, tokens};
use crate::error::Error;
use crate::secrets::Secrets;
use ground::sql::Conn;
use ground::time::Moment;

/// Makes the first key if there is none; an error if the secret does not open those that there are.
pub fn ensure(c: &mut Conn, secrets: &Secrets, m: &Moment) -> Result<(), Error> {
    store::lock_rights(c)?;
    let keys = store::list_keys(c)?;
    if keys.is_empty() {
        store::insert_key(c, &tokens::new_key(secrets, m, true)?)?;
        store::raise_rights(c)?;
    }
    // Another secret than the one that sealed them: better no server than one that lets nobody in.
    keys.iter().try_for_each(|key| secrets.unseal(&key.sealed).map(|_| ()))
}

/// Publishes the next key: it signs a minute from now, and tokens of the old one go on until it is removed.
pub fn rotate(c: &mut Conn, secrets: &Secrets, m: &Moment) -> Result<String, Error> {
    let key = tokens::new_key(secrets, m, false)?;
    store::insert_key(c, &key)?;
    store::raise_rights(c)?;
    crate::audit::note(c, None, None, "key_rotated", "signing_key", None, m)?;
    Ok(key.kid)
}

/// Removes a key: every token that it signed is refused within half a second, on every node.
pub fn remove(c: &mut Conn, kid: &str, m: &Moment) -> Result<(), Error> {
    if !store::remove_key(c, kid, m.at)? {
        return Err(Error::Setting(format!("there is no signing key {kid} in force")));
    }
    if store::list_keys(c)?.is_empty() {
        return Err(Error::Setting("this is the only key; rotate first".to_owned()));
    }
    store::raise_rights(c)?;
    crate::audit::note(c, None, None, "key_removed", "signing_key", None, m)
}
