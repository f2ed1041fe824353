//! The variables of the environment: ours, two that other tools know too, and those that name a file with a secret.

use std::collections::BTreeMap;
use std::path::Path;

use figment::Figment;
use figment::providers::{Env, Serialized};

use super::Config;
use crate::error::Error;

/// Our variables begin so.
const PREFIX: &str = "AFTERCARE_";
/// Settings that other tools know as well, by these names without our prefix.
const SHARED: [&str; 2] = ["database_url", "database_read_url"];
/// Settings that are a secret or hold one. A variable that ends in `_FILE` names the file with its value, as container engines and systemd
/// hand secrets over.
const SECRETS: [&str; 4] = ["secret", "mail", "database_url", "database_read_url"];

/// The settings with the environment laid over them.
///
/// # Errors
/// `Error::Setting` that names the variable: it is no setting, it is set twice, or its file cannot be read.
pub(super) fn lay_over(settings: Figment) -> Result<Figment, Error> {
    let injected = injected_names()?;
    let is_ours = move |name: &str| !names_a_file(name) && !injected.iter().any(|other| name == other);
    Ok(settings
        .merge(Env::raw().only(&SHARED))
        .merge(Serialized::defaults(of_files("", &SHARED)?))
        .merge(Env::prefixed(PREFIX).filter(move |name| is_ours(name.as_str())))
        .merge(Serialized::defaults(of_files(PREFIX, &SECRETS)?)))
}

/// Variables with our prefix that Kubernetes made: they are left aside.
pub(super) fn injected() -> Vec<String> {
    injected_names().unwrap_or_default().into_iter().map(|name| format!("{PREFIX}{name}")).collect()
}

/// Whether the variable, without our prefix, names the file of a secret.
fn names_a_file(name: &str) -> bool {
    name.strip_suffix("_FILE").is_some_and(|setting| SECRETS.contains(&setting.to_ascii_lowercase().as_str()))
}

/// The values of the settings whose variables name a file.
fn of_files<'a>(prefix: &str, settings: &[&'a str]) -> Result<BTreeMap<&'a str, String>, Error> {
    let mut values = BTreeMap::new();
    for setting in settings {
        let variable = format!("{prefix}{}", setting.to_ascii_uppercase());
        let Some(path) = std::env::var_os(format!("{variable}_FILE")) else { continue };
        if std::env::var_os(&variable).is_some() {
            return Err(Error::Setting(format!("{variable} and {variable}_FILE are both set: unset one of them")));
        }
        values.insert(*setting, read_secret(&variable, Path::new(&path))?);
    }
    Ok(values)
}

/// The file's text without the line end that editors add. It is never told, not even in part.
fn read_secret(variable: &str, path: &Path) -> Result<String, Error> {
    let refuse = |why: &str| Error::Setting(format!("{variable}_FILE names {}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|why| refuse(&format!("it cannot be read ({why})")))?;
    let value = text.trim_end_matches(['\r', '\n']);
    if value.is_empty() { Err(refuse("it is empty")) } else { Ok(value.to_owned()) }
}

/// The variables with our prefix that Kubernetes makes, without it; one that is no setting either is refused by name.
fn injected_names() -> Result<Vec<String>, Error> {
    injected_among(std::env::vars_os().filter_map(|(name, value)| {
        Some((name.into_string().ok()?.strip_prefix(PREFIX)?.to_owned(), value.to_string_lossy().into_owned()))
    }))
}

fn injected_among(variables: impl Iterator<Item = (String, String)>) -> Result<Vec<String>, Error> {
    let known = serde_json::to_value(Config::default())?;
    let mut injected = Vec::new();
    for (name, value) in variables {
        if known.get(name.to_ascii_lowercase()).is_some() || names_a_file(&name) {
            continue;
        }
        if !is_injected(&name, &value) {
            return Err(Error::Setting(format!(
                "there is no setting for the variable {PREFIX}{name}: unset it, or correct its name (README.md lists the settings)"
            )));
        }
        injected.push(name);
    }
    Ok(injected)
}

/// Whether Kubernetes makes such a variable for a service, like `AFTERCARE_PORT=tcp://10.0.0.1:8080` or `AFTERCARE_PORT_8080_TCP_ADDR`.
fn is_injected(name: &str, value: &str) -> bool {
    const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];
    let parts: Vec<&str> = name.split('_').collect();
    let is_number = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    let of_port = |rest: &[&str]| match rest {
        ["PORT"] => PROTOCOLS.iter().any(|protocol| value.starts_with(&format!("{}://", protocol.to_lowercase()))),
        ["PORT", port, protocol] | ["PORT", port, protocol, "PROTO" | "PORT" | "ADDR"] => {
            is_number(port) && PROTOCOLS.contains(protocol)
        }
        ["SERVICE", "HOST"] | ["SERVICE", "PORT", ..] => true,
        _ => false,
    };
    (0..parts.len()).filter_map(|at| parts.get(at..)).any(of_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_injects_is_left_aside_and_any_other_unknown_variable_is_named() {
        let sort = |variables: &[(&str, &str)]| {
            let owned: Vec<_> =
                variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            injected_among(owned.into_iter()).map_err(|why| why.to_string())
        };
        let injected = [
            ("SERVICE_HOST", "10.0.0.1"),
            ("SERVICE_PORT", "8080"),
            ("SERVICE_PORT_HTTP", "8080"),
            ("PORT", "tcp://10.0.0.1:8080"),
            ("PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("PORT_8080_TCP_PROTO", "tcp"),
            ("PORT_8080_TCP_PORT", "8080"),
            ("PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("WEB_PORT_53_UDP_ADDR", "10.0.0.1"),
            ("WEB_SERVICE_HOST", "10.0.0.1"),
        ];
        assert_eq!(sort(&injected).unwrap(), injected.map(|(name, _)| name));
        assert_eq!(sort(&[("LOG", "info"), ("trusted_proxies", "1")]).unwrap(), Vec::<String>::new());
        for name in ["PORT", "LISTENS", "PORT_X_TCP", "PORT_8080_TCP_NAME", "SERVICE", "SECRETS"] {
            let refused = sort(&[("LOG", "info"), (name, "8080")]).unwrap_err();
            assert!(refused.contains(&format!("AFTERCARE_{name}:")) && !refused.contains('\n'), "{refused}");
        }
    }
}
