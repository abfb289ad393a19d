//! What Secrets and ConfigMaps hold: certificates, authorities, users.
//! The type of a Secret does not count, its keys do; only `kubernetes.io/basic-auth` says more.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use document::{FileOrContent, Problem};
use k8s_openapi::api::core::v1::Secret;
use sha1::{Digest, Sha1};

use crate::kubernetes::object::Stored;
use crate::kubernetes::view::{View, key};

/// A certificate with its key: `tls.crt` and `tls.key`, both there and not empty.
///
/// # Errors
/// When the Secret or one of the two is missing.
pub fn certificate(view: &View, namespace: &str, name: &str) -> Result<tls::CertificateConfig, Problem> {
    let (certificate, key) = pair(view, namespace, name)?;
    Ok(tls::CertificateConfig { cert_file: certificate, key_file: key, stores: Vec::new() })
}

/// As [`certificate`], in its two parts.
///
/// # Errors
/// As [`certificate`].
pub fn pair(view: &View, namespace: &str, name: &str) -> Result<(FileOrContent, FileOrContent), Problem> {
    let secret = find(view, namespace, name)?;
    let part = |key: &str| {
        text(secret, key).ok_or_else(|| incomplete(namespace, name, format_args!("has no `{key}`")))
    };
    Ok((part("tls.crt")?.into(), part("tls.key")?.into()))
}

/// The authority that a Secret holds: `tls.ca`, else `ca.crt`, else, where that is allowed, its only key.
///
/// # Errors
/// When there is none.
pub fn authority(view: &View, namespace: &str, name: &str, only_key: bool) -> Result<FileOrContent, Problem> {
    let secret = find(view, namespace, name)?;
    let only = || single_key(secret).filter(|_| only_key);
    let found = text(secret, "tls.ca").or_else(|| text(secret, "ca.crt")).or_else(|| text(secret, only()?));
    found.map(Into::into).ok_or_else(|| incomplete(namespace, name, "has neither `tls.ca` nor `ca.crt`"))
}

/// The authority that a ConfigMap holds.
///
/// # Errors
/// When there is none.
pub fn authority_of_config_map(view: &View, namespace: &str, name: &str) -> Result<FileOrContent, Problem> {
    let map = view.config_maps.get(&key(namespace, name)).ok_or_else(|| {
        Problem::error("missing_config_map", format_args!("there is no ConfigMap `{namespace}/{name}`"))
    })?;
    let text =
        |key: &str| map.value.data.as_ref().and_then(|data| data.get(key)).filter(|text| !text.is_empty());
    text("tls.ca").or_else(|| text("ca.crt")).map(|text| text.as_str().into()).ok_or_else(|| {
        let message = format!("the ConfigMap `{namespace}/{name}` has neither `tls.ca` nor `ca.crt`");
        Problem::error("incomplete_config_map", message)
    })
}

/// Lines of `user:hash`.
///
/// # Errors
/// When the Secret is missing or holds something else.
pub fn users(view: &View, namespace: &str, name: &str) -> Result<Vec<String>, Problem> {
    let secret = find(view, namespace, name)?;
    if secret.value.type_.as_deref() == Some("kubernetes.io/basic-auth") {
        return user_and_password(secret).map(|user| vec![user]);
    }
    let only = single_key(secret)
        .ok_or_else(|| incomplete(namespace, name, "must have exactly one key, which holds the users"))?;
    let lines = text(secret, only).unwrap_or_default();
    let users = lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(users.map(str::to_owned).collect())
}

/// A value of a Secret as text.
///
/// # Errors
/// When it is missing.
pub fn value(view: &View, namespace: &str, name: &str, key: &str) -> Result<String, Problem> {
    let secret = find(view, namespace, name)?;
    text(secret, key).ok_or_else(|| incomplete(namespace, name, format_args!("has no `{key}`")))
}

fn find<'a>(view: &'a View, namespace: &str, name: &str) -> Result<&'a Stored<Secret>, Problem> {
    view.secrets.get(&key(namespace, name)).map(|secret| &**secret).ok_or_else(|| {
        Problem::error("missing_secret", format_args!("there is no Secret `{namespace}/{name}`"))
    })
}

fn incomplete(namespace: &str, name: &str, what: impl std::fmt::Display) -> Problem {
    Problem::error("incomplete_secret", format_args!("the Secret `{namespace}/{name}` {what}"))
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
    let part = |key: &str| {
        let missing =
            || incomplete(&secret.meta.namespace, &secret.meta.name, format_args!("has no `{key}`"));
        text(secret, key).ok_or_else(missing)
    };
    let (user, password) = (part("username")?, part("password")?);
    Ok(format!("{user}:{{SHA}}{}", STANDARD.encode(Sha1::digest(password.as_bytes()))))
}
