//! Addresses of databases: which kind they are of, and whether it is safe to use them.

/// The path of a `sqlite:` address.
pub(super) fn sqlite_path(url: &str) -> Option<&str> {
    url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).filter(|path| !path.is_empty())
}

/// Whether the address is one of PostgreSQL.
pub(super) fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// Whether a database can be there, and is spoken to safely; says in a sentence what is wrong.
pub fn check(url: &str, allow_plain: bool) -> Result<(), String> {
    if sqlite_path(url).is_none() && !is_postgres(url) {
        return Err("database_url must be sqlite:PATH or postgres://...".to_owned());
    }
    check_tls(url, allow_plain)
}

/// The address of a replica, if the database can have one.
pub fn replica_of<'a>(url: &str, read_url: Option<&'a str>) -> Option<&'a str> {
    read_url.filter(|_| is_postgres(url))
}

/// PostgreSQL on another machine is spoken to over TLS, unless both the address and a setting say otherwise.
fn check_tls(url: &str, allow_plain: bool) -> Result<(), String> {
    if !is_postgres(url) || is_local_database(url) {
        return Ok(());
    }
    let (_, query) = url.split_once('?').unwrap_or((url, ""));
    let mode = query.split('&').find_map(|pair| pair.strip_prefix("sslmode=")).unwrap_or_default();
    match mode {
        "require" | "verify-ca" | "verify-full" => Ok(()),
        "disable" if allow_plain => Ok(()),
        _ => {
            Err("database_url must say sslmode=verify-full (or verify-ca, require) for PostgreSQL on another machine; \
                  without TLS it must say sslmode=disable, and allow_plain_database = true"
                .to_owned())
        }
    }
}

/// Whether every host of a PostgreSQL address is this machine, by a socket or the loopback.
fn is_local_database(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let hosts = authority.rsplit('@').next().unwrap_or_default();
    let by_query =
        url.split_once('?').and_then(|(_, query)| query.split('&').find_map(|pair| pair.strip_prefix("host=")));
    let is_local = |host: &str| {
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.split(']').next())
            .unwrap_or_else(|| host.split(':').next().unwrap_or_default());
        bare.is_empty()
            || bare == "localhost"
            || bare.starts_with('/')
            || bare.starts_with("%2F")
            || bare.starts_with("%2f")
            || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    };
    hosts.split(',').all(is_local) && by_query.is_none_or(|host| host.split(',').all(is_local))
}
