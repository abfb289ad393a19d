//! What Secrets and ConfigMaps hold: certificates, authorities, users.
//! The type of a Secret does not count, its keys do; only `kubernetes.io/basic-auth` says more.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use document::{FileOrContent, Problem, Severity};
use k8s_openapi::api::core::v1::Secret;
use sha1::{Digest, Sha1};

use crate::kubernetes::object::Stored;
use crate::kubernetes::view::Look;

/// The codes of what is there and lacks what it is needed for.
const INCOMPLETE: [&str; 2] = ["incomplete_secret", "incomplete_config_map"];

/// The code of a value that is no base64.
pub const INVALID_BASE64: &str = "invalid_base64";

/// The code of a Secret that cannot be read.
pub const INVALID_SECRET: &str = "invalid_secret";

/// A certificate with its key: `tls.crt` and `tls.key`, both there and not empty.
///
/// # Errors
/// When the Secret or one of the two is missing.
pub fn certificate(view: &Look<'_>, namespace: &str, name: &str) -> Result<tls::CertificateConfig, Problem> {
    let (certificate, key) = pair(view, namespace, name)?;
    Ok(tls::CertificateConfig { cert_file: certificate, key_file: key, stores: Vec::new() })
}

/// As [`certificate`], in its two parts.
///
/// # Errors
/// As [`certificate`].
pub fn pair(view: &Look<'_>, namespace: &str, name: &str) -> Result<(FileOrContent, FileOrContent), Problem> {
    let secret = find(view, namespace, name)?;
    let part = |key: &str| text(secret, key).ok_or_else(|| without(secret, key));
    let (certificate, private_key) = (part("tls.crt")?, part("tls.key")?);
    Ok((pem(secret, "tls.crt", certificate)?, pem(secret, "tls.key", private_key)?))
}

/// The authority that a Secret holds: `tls.ca`, else `ca.crt`, else, where that is allowed, its only key.
///
/// # Errors
/// When there is none.
pub fn authority(
    view: &Look<'_>,
    namespace: &str,
    name: &str,
    only_key: bool,
) -> Result<FileOrContent, Problem> {
    let secret = find(view, namespace, name)?;
    let only = single_key(secret).filter(|_| only_key);
    let keys = ["tls.ca", "ca.crt"].into_iter().chain(only);
    let found = keys.clone().find_map(|key| Some((key, text(secret, key)?)));
    if let Some((key, text)) = found {
        return pem(secret, key, text);
    }
    Err(match keys.into_iter().find(|key| is_unread(secret, key)) {
        Some(key) => without(secret, key),
        None => incomplete(namespace, name, "has neither `tls.ca` nor `ca.crt`"),
    })
}

/// The authority that a ConfigMap holds. As with Secrets, never the path of a file.
///
/// # Errors
/// When there is none.
// Traefik: reads the file whose path a ConfigMap holds.
pub fn authority_of_config_map(
    view: &Look<'_>,
    namespace: &str,
    name: &str,
) -> Result<FileOrContent, Problem> {
    let map = view.config_map(namespace, name).ok_or_else(|| {
        Problem::error("missing_config_map", format_args!("there is no ConfigMap `{namespace}/{name}`"))
    })?;
    let text =
        |key: &str| map.value.data.as_ref().and_then(|data| data.get(key)).filter(|text| !text.is_empty());
    let incomplete = |what: &str| {
        let message = format_args!("the ConfigMap `{namespace}/{name}` {what}");
        Problem::error("incomplete_config_map", message)
    };
    let (key, text) = ["tls.ca", "ca.crt"]
        .into_iter()
        .find_map(|key| Some((key, text(key)?)))
        .ok_or_else(|| incomplete("has neither `tls.ca` nor `ca.crt`"))?;
    let content = FileOrContent::from(text.as_str());
    if content.is_pem() { Ok(content) } else { Err(incomplete(&format!("has no PEM in `{key}`"))) }
}

/// Lines of `user:hash`.
///
/// # Errors
/// When the Secret is missing or holds something else.
pub fn users(view: &Look<'_>, namespace: &str, name: &str) -> Result<Vec<String>, Problem> {
    let secret = find(view, namespace, name)?;
    if secret.value.type_.as_deref() == Some("kubernetes.io/basic-auth") {
        return user_and_password(secret).map(|user| vec![user]);
    }
    let only = single_key(secret)
        .ok_or_else(|| incomplete(namespace, name, "must have exactly one key, which holds the users"))?;
    if is_unread(secret, only) {
        return Err(without(secret, only));
    }
    let lines = text(secret, only).unwrap_or_default();
    let users = lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(users.map(str::to_owned).collect())
}

/// A value of a Secret as text.
///
/// # Errors
/// When it is missing.
pub fn value(view: &Look<'_>, namespace: &str, name: &str, key: &str) -> Result<String, Problem> {
    let secret = find(view, namespace, name)?;
    text(secret, key).ok_or_else(|| without(secret, key))
}

/// Where serving goes on without a Secret: one that is missing may come yet, and is a warning of the object that names
/// it (`own`). One without what it is needed for is a mistake, told in `all`, so that it breaks nothing else.
pub fn complain<T>(object: &Stored<T>, problem: Problem, all: &mut Vec<Problem>, own: &mut Vec<Problem>) {
    let problem = object.complain(problem);
    if INCOMPLETE.contains(&problem.code) {
        all.push(problem);
    } else {
        own.push(problem.with_severity(Severity::Warning));
    }
}

fn find<'a>(view: &Look<'a>, namespace: &str, name: &str) -> Result<&'a Stored<Secret>, Problem> {
    view.secret(namespace, name).map(|secret| &**secret).ok_or_else(|| {
        Problem::error("missing_secret", format_args!("there is no Secret `{namespace}/{name}`"))
    })
}

fn incomplete(namespace: &str, name: &str, what: impl std::fmt::Display) -> Problem {
    Problem::error("incomplete_secret", format_args!("the Secret `{namespace}/{name}` {what}"))
}

/// Text that must be PEM. Anything else would be taken for the path of a file of ours, and be shown as one.
// Traefik: reads the file whose path a Secret holds.
fn pem(secret: &Stored<Secret>, key: &str, text: String) -> Result<FileOrContent, Problem> {
    let content = FileOrContent::from(text);
    let what = || {
        let (namespace, name) = (&secret.meta.namespace, &secret.meta.name);
        incomplete(namespace, name, format_args!("has no PEM in `{key}`"))
    };
    if content.is_pem() { Ok(content) } else { Err(what()) }
}

/// Of a key that is missing, or whose value could not be read.
fn without(secret: &Stored<Secret>, key: &str) -> Problem {
    let (namespace, name) = (&secret.meta.namespace, &secret.meta.name);
    if is_unread(secret, key) {
        let message = format_args!("`{key}` of the Secret `{namespace}/{name}` cannot be read");
        return Problem::error("incomplete_secret", message);
    }
    incomplete(namespace, name, format_args!("has no `{key}`"))
}

fn is_unread(secret: &Stored<Secret>, key: &str) -> bool {
    let is_of_key = |path: &str| path.strip_prefix("data.").is_some_and(|path| path == key);
    secret.problems.iter().any(|problem| problem.code == INVALID_BASE64 && is_of_key(&problem.path))
}

/// The only key of a Secret.
fn single_key(secret: &Stored<Secret>) -> Option<&str> {
    let encoded = secret.value.data.iter().flat_map(BTreeMap::keys);
    let keys: BTreeSet<&String> =
        encoded.chain(secret.value.string_data.iter().flat_map(BTreeMap::keys)).collect();
    match keys.into_iter().collect::<Vec<_>>().as_slice() {
        [only] => Some(only.as_str()),
        _ => None,
    }
}

/// In a cluster `stringData` has become `data`; in a file it has not yet, and it wins.
fn text(secret: &Stored<Secret>, key: &str) -> Option<String> {
    let plain = secret.value.string_data.as_ref().and_then(|data| data.get(key)).cloned();
    let decoded = || {
        let bytes = secret.value.data.as_ref()?.get(key)?;
        String::from_utf8(bytes.0.clone()).ok()
    };
    plain.or_else(decoded).filter(|text| !text.is_empty())
}

/// As Traefik stores it, so that what the API shows is the same.
fn user_and_password(secret: &Stored<Secret>) -> Result<String, Problem> {
    let part = |key: &str| text(secret, key).ok_or_else(|| without(secret, key));
    let (user, password) = (part("username")?, part("password")?);
    Ok(format!("{user}:{{SHA}}{}", STANDARD.encode(Sha1::digest(password.as_bytes()))))
}
