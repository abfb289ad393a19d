//! `basicAuth` — user and password against a list of hashes (RFC 7617).

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use document::{Problem, Secret};
use exchange::{Body, Error, Kind, Request, Response};
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hashing::{Hashing, Overloaded, Question};
use crate::secret_key::SecretKey;
use crate::users::{Users, same};
use crate::{Flow, unset};

/// ```yaml
/// basicAuth: { users: ["test:$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/"] }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// `name:hash`, as `htpasswd` writes it: bcrypt, MD5 or SHA-1. They win over the file's.
    #[serde(skip_serializing_if = "unset")]
    pub users: Vec<Secret>,
    /// A file of such lines, read when the configuration is.
    #[serde(skip_serializing_if = "unset")]
    pub users_file: String,
    /// What the browser's dialogue shows; `traefik` when unset.
    #[serde(skip_serializing_if = "unset")]
    pub realm: String,
    /// Header that tells the service the user's name.
    #[serde(skip_serializing_if = "unset")]
    pub header_field: String,
    /// Keep the credentials from the service.
    #[serde(skip_serializing_if = "unset")]
    pub remove_header: bool,
}

pub(crate) struct BasicAuth {
    users: Users,
    /// What a user's last right password was, as a keyed digest: a hash of the usual cost would take
    /// fifty milliseconds for each request. Goes with the configuration that holds the hashes.
    verified: HashMap<Box<str>, Mutex<Option<Question>>>,
    /// What tells the service the user's name.
    names: Option<Names>,
    challenge: HeaderValue,
    remove_header: bool,
    key: SecretKey,
    hashing: Hashing,
}

/// A header, and its value for each user.
type Names = (HeaderName, HashMap<Box<str>, HeaderValue>);

/// As Go decodes base64: padded, and whatever the unused bits of the last character are.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

// === impl Config ===

impl Config {
    pub(crate) fn build(&self, hashing: Hashing) -> Result<BasicAuth, Problem> {
        let file = self.users_file();
        let users = Users::read(file.as_deref(), &self.users)?;
        let realm = if self.realm.is_empty() { "traefik" } else { &self.realm };
        let challenge = HeaderValue::try_from(format!("Basic realm=\"{realm}\""))
            .map_err(|_invalid| Problem::field("realm", "the realm cannot stand in a header"))?;
        Ok(BasicAuth {
            verified: users.names().map(|name| (name.into(), Mutex::default())).collect(),
            names: self.names(&users)?,
            users,
            challenge,
            remove_header: self.remove_header,
            key: SecretKey::new(),
            hashing,
        })
    }

    /// What can be built and hardly be meant.
    pub(crate) fn warnings(&self) -> Vec<Problem> {
        Users::hopeless(self.users_file().as_deref(), &self.users)
    }

    pub(crate) fn users_file(&self) -> Option<PathBuf> {
        (!self.users_file.is_empty()).then(|| PathBuf::from(&self.users_file))
    }

    fn names(&self, users: &Users) -> Result<Option<Names>, Problem> {
        if self.header_field.is_empty() {
            return Ok(None);
        }
        let header = self.header_field.parse().map_err(|_invalid| {
            Problem::field("headerField", format!("`{}` is no header name", self.header_field))
        })?;
        let value = |name: &str| {
            HeaderValue::from_bytes(name.as_bytes()).map(|value| (name.into(), value)).map_err(|_invalid| {
                Problem::field("users", format!("the name {name:?} cannot stand in a header"))
            })
        };
        let values = users.names().map(value).collect::<Result<_, _>>()?;
        Ok(Some((header, values)))
    }
}

// === impl BasicAuth ===

impl BasicAuth {
    pub(crate) async fn request(&self, req: &mut Request) -> Flow {
        let Some((user, password)) = credentials(req.headers()) else {
            return self.challenge(req);
        };
        req.record.set_user(&String::from_utf8_lossy(&user));
        let known = std::str::from_utf8(&user).ok();
        let right = match self.check(known.unwrap_or_default(), &user, password).await {
            Ok(right) => right,
            Err(Overloaded) => {
                req.record.reason.set(Some(Kind::Overloaded.reason()));
                return Flow::answer(Error::internal(Kind::Overloaded).into_response());
            }
        };
        match known {
            Some(user) if right => {
                self.admit(req, user);
                Flow::Continue
            }
            _ => self.challenge(req),
        }
    }

    async fn check(&self, name: &str, user: &[u8], password: Vec<u8>) -> Result<bool, Overloaded> {
        let found = self.users.get(name);
        // Nobody's password takes as long as somebody's wrong one.
        let Some(hash) = found.or_else(|| self.users.decoy()) else {
            return Ok(false);
        };
        if hash.is_fast() {
            return Ok(hash.matches(&password) && found.is_some());
        }
        let question = self.key.digest(&[user, &password]);
        if found.is_some() && self.was_verified(name, &question) {
            return Ok(true);
        }
        let computed = hash.clone();
        let matches = self.hashing.ask(question, move || computed.matches(&password)).await?;
        if matches && found.is_some() {
            self.remember(name, question);
        }
        Ok(matches && found.is_some())
    }

    fn was_verified(&self, name: &str, question: &Question) -> bool {
        let slot = self.verified.get(name).map(|slot| *slot.lock().unwrap_or_else(PoisonError::into_inner));
        slot.flatten().is_some_and(|verified| same(&verified, question))
    }

    fn remember(&self, name: &str, question: Question) {
        if let Some(slot) = self.verified.get(name) {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(question);
        }
    }

    fn admit(&self, req: &mut Request, user: &str) {
        if let Some((header, values)) = &self.names {
            let headers = req.headers_mut();
            headers.remove(header);
            if let Some(value) = values.get(user) {
                headers.insert(header, value.clone());
            }
        }
        if self.remove_header {
            req.headers_mut().remove(AUTHORIZATION);
        }
    }

    fn challenge(&self, req: &Request) -> Flow {
        req.record.reason.set(Some("auth_failed"));
        let mut res = Response::new(StatusCode::UNAUTHORIZED, Body::from_static("401 Unauthorized\n"));
        let headers = res.headers_mut();
        headers.insert(WWW_AUTHENTICATE, self.challenge.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        Flow::answer(res)
    }

    pub(crate) fn effect(&self) -> String {
        format!("asks for a password, of one of {} users", self.verified.len())
    }
}

/// User and password of a request, as bytes.
pub(crate) fn credentials(headers: &HeaderMap) -> Option<(Vec<u8>, Vec<u8>)> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, encoded) = value.split_at_checked("Basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let mut user = BASE64.decode(encoded).ok()?;
    let colon = user.iter().position(|byte| *byte == b':')?;
    let password = user.split_off(colon + 1);
    user.pop();
    Some((user, password))
}

#[cfg(test)]
mod tests;
