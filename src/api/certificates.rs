//! `/api/certificates`: the certificates of the snapshot that is in use.

use http::StatusCode;
use serde_json::Value;
use snapshot::Snapshot;
use tls::CertificateInfo;
use tls::certificate::Status;

use crate::desk::Reply;
use crate::listing::{Key, Row, list};
use crate::query::Query;
use crate::resources::unix_now;

/// How many there are; how many end soon, how many have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Counts {
    total: usize,
    warnings: usize,
    errors: usize,
}

pub(crate) fn page(snapshot: &Snapshot, query: &Query) -> Reply {
    let (all, now) = (snapshot.certificates.list(), unix_now());
    list(all.iter().map(|certificate| row(certificate, now)).collect(), query)
}

pub(crate) fn get(snapshot: &Snapshot, name: &str) -> Reply {
    let all = snapshot.certificates.list();
    match all.iter().find(|certificate| certificate.name == name) {
        Some(certificate) => Reply::json(&to_json(certificate, unix_now())),
        None => Reply::error(StatusCode::NOT_FOUND, &format!("certificate not found: {name}")),
    }
}

pub(crate) fn counts(snapshot: &Snapshot) -> Counts {
    let now = unix_now();
    let mut counts = Counts::default();
    for certificate in snapshot.certificates.list() {
        counts.total += 1;
        match certificate.status(now) {
            Status::Enabled => {}
            Status::Warning => counts.warnings += 1,
            Status::Expired => counts.errors += 1,
        }
    }
    counts
}

fn row(certificate: &CertificateInfo, now: i64) -> Row<'_> {
    let status = word(certificate.status(now));
    let mut texts: Vec<&str> =
        vec![&certificate.common_name, &certificate.issuer_org, &certificate.issuer_cn];
    texts.extend(certificate.sans.iter().map(String::as_str));
    let issuer =
        if certificate.issuer_org.is_empty() { &certificate.issuer_cn } else { &certificate.issuer_org };
    Row {
        name: &certificate.common_name,
        status,
        texts,
        service: None,
        middlewares: &[],
        keys: vec![
            ("status", Key::text(status)),
            ("issuer", Key::text(issuer)),
            ("validUntil", Key::Number(certificate.not_after_unix)),
        ],
        json: Box::new(move || to_json(certificate, now)),
    }
}

/// Empty fields are left out, as everywhere in the API.
fn to_json(certificate: &CertificateInfo, now: i64) -> Value {
    let mut value = serde_json::to_value(certificate).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        fields.retain(|_, value| {
            value.as_str() != Some("") && value.as_array().is_none_or(|all| !all.is_empty())
        });
        fields.insert("status".to_owned(), word(certificate.status(now)).into());
    }
    value
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Enabled => "enabled",
        Status::Warning => "warning",
        Status::Expired => "expired",
    }
}
