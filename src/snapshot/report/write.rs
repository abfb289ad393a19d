//! Entries as the API shows them: the configuration, and what became of it.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Entry, ServiceEntry, Status};
use crate::resolve::provider_of;

/// Configurations that the API shows, each a mapping.
pub trait Shown: Serialize {
    /// What the entry's users are called.
    const USERS: &'static str = "usedBy";
    /// Is one of its keys its kind?
    const HAS_KIND: bool = true;

    /// Writes out what is implied.
    fn complete(_shown: &mut Map<String, Value>) {}
}

impl Shown for dynamic::http::Router {
    const USERS: &'static str = "using";
    const HAS_KIND: bool = false;

    fn complete(shown: &mut Map<String, Value>) {
        name_tls_options(shown);
        let observability = shown.entry("observability").or_insert_with(|| json!({}));
        if let Value::Object(observability) = observability {
            for key in ["accessLogs", "metrics", "tracing"] {
                observability.entry(key).or_insert(Value::Bool(true));
            }
            observability.entry("traceVerbosity").or_insert_with(|| "minimal".into());
        }
    }
}

impl Shown for dynamic::layer4::tcp::Router {
    const USERS: &'static str = "using";
    const HAS_KIND: bool = false;

    fn complete(shown: &mut Map<String, Value>) {
        name_tls_options(shown);
    }
}

impl Shown for dynamic::layer4::udp::Router {
    const USERS: &'static str = "using";
    const HAS_KIND: bool = false;
}

impl Shown for service::Config {}
impl Shown for middleware::Config {}
impl Shown for dynamic::layer4::tcp::Service {}
impl Shown for dynamic::layer4::tcp::Middleware {}
impl Shown for dynamic::layer4::udp::Service {}

// === impl Entry ===

impl<C: Shown> Entry<C> {
    /// The object of the API. Of one that could not be read only its name and its problems are shown: nobody
    /// knows where in it a secret stands.
    #[must_use]
    pub fn to_json(&self, name: &str) -> Value {
        let config = self.element.config.as_ref().and_then(|config| serde_json::to_value(config).ok());
        let mut shown = match config {
            Some(Value::Object(shown)) => shown,
            _ => Map::new(),
        };
        if !shown.is_empty() {
            C::complete(&mut shown);
        }
        let kind = shown.keys().find(|key| *key != "middlewares").map(|key| key.to_lowercase());
        if let Some(priority) = self.priority {
            shown.insert("priority".to_owned(), priority.into());
            // Larger than a JavaScript number can hold.
            shown.insert("priorityStr".to_owned(), priority.to_string().into());
        }
        if !self.problems.is_empty() {
            let texts: Vec<String> = self.problems.iter().map(|problem| problem.summary()).collect();
            shown.insert("error".to_owned(), texts.into());
        }
        if !self.users.is_empty() {
            shown.insert(C::USERS.to_owned(), json!(self.users));
        }
        put_common(&mut shown, name, self.status);
        if C::HAS_KIND
            && let Some(kind) = kind
        {
            shown.insert("type".to_owned(), kind.into());
        }
        Value::Object(shown)
    }
}

impl ServiceEntry {
    /// The object of the API, with the state its endpoints are in at this moment.
    #[must_use]
    pub fn to_json(&self, name: &str) -> Value {
        let mut shown = match self.entry.as_ref().map(|entry| entry.to_json(name)) {
            Some(Value::Object(shown)) => shown,
            _ => Map::new(),
        };
        put_common(&mut shown, name, self.status());
        if !self.used_by.is_empty() {
            shown.insert("usedBy".to_owned(), json!(self.used_by));
        }
        let balancer = self.service.as_ref().and_then(|service| service.load_balancer());
        if let Some(balancer) = balancer {
            let up = |up: bool| Value::from(if up { "UP" } else { "DOWN" });
            let states: Map<String, Value> =
                balancer.statuses().iter().map(|e| (e.url.to_string(), up(e.up))).collect();
            if !states.is_empty() {
                shown.insert("serverStatus".to_owned(), Value::Object(states));
            }
        }
        Value::Object(shown)
    }
}

fn put_common(shown: &mut Map<String, Value>, name: &str, status: Status) {
    shown.insert("status".to_owned(), status.as_str().into());
    shown.insert("name".to_owned(), name.into());
    shown.insert("provider".to_owned(), provider_of(name).into());
}

fn name_tls_options(shown: &mut Map<String, Value>) {
    if let Some(Value::Object(tls)) = shown.get_mut("tls") {
        tls.entry("options").or_insert_with(|| "default".into());
    }
}
