//! The life of signing keys: made, published, signing, removed. `aftercare keys` and the start of a server use it.

use super::{store, tokens};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::{EventKind, EventSubject};

/// Makes the first key if there is none; an error if the secret does not open those that there are.
pub fn ensure(ctx: &mut Ctx<'_>) -> Result<(), Error> {
    store::lock_rights(ctx.c)?;
    let keys = store::list_keys(ctx.c)?;
    if keys.is_empty() {
        store::insert_key(ctx.c, &tokens::new_key(&ctx.post.secrets, ctx.m, true)?)?;
        ctx.happened(EventKind::KeyRotated, EventSubject::SERVER)?;
    }
    // Another secret than the one that sealed them: better no server than one that lets nobody in.
    keys.iter().try_for_each(|key| ctx.post.secrets.unseal(&key.sealed).map(|_| ()))
}

/// Publishes the next key: it signs a minute from now, and tokens of the old one go on until it is removed.
pub fn rotate(ctx: &mut Ctx<'_>) -> Result<String, Error> {
    let key = tokens::new_key(&ctx.post.secrets, ctx.m, false)?;
    store::insert_key(ctx.c, &key)?;
    ctx.happened(EventKind::KeyRotated, EventSubject::SERVER)?;
    Ok(key.kid)
}

/// Removes a key: every token that it signed is refused within half a second, on every node.
pub fn remove(ctx: &mut Ctx<'_>, kid: &str) -> Result<(), Error> {
    if !store::remove_key(ctx.c, kid, ctx.m.at)? {
        return Err(Error::Setting(format!("there is no signing key {kid} in force")));
    }
    if store::list_keys(ctx.c)?.is_empty() {
        return Err(Error::Setting("this is the only key; rotate first".to_owned()));
    }
    ctx.happened(EventKind::KeyRemoved, EventSubject::SERVER)
}
