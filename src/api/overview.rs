//! What is known from the start, and counts of the rest: `/api/version`, `/api/overview`, `/api/entrypoints`.

use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use snapshot::{Report, Snapshot};

use crate::certificates;
use crate::desk::Reply;
use crate::listing::page_of;
use crate::query::Query;
use crate::resources::{Counts, Kind};

/// What the install configuration says, for people to see.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub version: String,
    pub codename: String,
    /// When the program started, RFC 3339.
    pub started: String,
    /// Each entry point by name, as it is configured.
    pub entry_points: Vec<(String, Value)>,
    pub features: Features,
    /// Traefik's names of the providers in use: `File`, `KubernetesCRD`.
    pub providers: Vec<String>,
    pub dashboard_name: String,
    pub disable_dashboard_ad: bool,
}

/// What is switched on.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Features {
    /// Where spans go; empty when nowhere.
    pub tracing: String,
    /// `Prometheus`, or empty.
    pub metrics: String,
    pub access_log: bool,
}

#[derive(Serialize)]
struct Version<'a> {
    #[serde(rename = "Version")]
    version: &'a str,
    #[serde(rename = "Codename")]
    codename: &'a str,
    #[serde(rename = "startDate", skip_serializing_if = "str::is_empty")]
    started: &'a str,
    #[serde(rename = "disableDashboardAd", skip_serializing_if = "std::ops::Not::not")]
    disable_dashboard_ad: bool,
    #[serde(rename = "dashboardName", skip_serializing_if = "str::is_empty")]
    dashboard_name: &'a str,
}

#[derive(Serialize)]
struct Overview<'a> {
    http: Protocol,
    tcp: Protocol,
    udp: Protocol,
    certificates: certificates::Counts,
    features: &'a Features,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    providers: &'a [String],
}

#[derive(Serialize)]
struct Protocol {
    routers: Counts,
    services: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    middlewares: Option<Counts>,
}

impl Facts {
    pub(crate) fn version(&self) -> Reply {
        Reply::json(&Version {
            version: &self.version,
            codename: &self.codename,
            started: &self.started,
            disable_dashboard_ad: self.disable_dashboard_ad,
            dashboard_name: &self.dashboard_name,
        })
    }

    pub(crate) fn overview(&self, report: &Report, snapshot: &Snapshot) -> Reply {
        let counts = |kind: Kind| kind.counts(report);
        Reply::json(&Overview {
            http: Protocol {
                routers: counts(Kind::HttpRouters),
                services: counts(Kind::HttpServices),
                middlewares: Some(counts(Kind::HttpMiddlewares)),
            },
            tcp: Protocol {
                routers: counts(Kind::TcpRouters),
                services: counts(Kind::TcpServices),
                middlewares: Some(counts(Kind::TcpMiddlewares)),
            },
            udp: Protocol {
                routers: counts(Kind::UdpRouters),
                services: counts(Kind::UdpServices),
                middlewares: None,
            },
            certificates: certificates::counts(snapshot),
            features: &self.features,
            providers: &self.providers,
        })
    }

    pub(crate) fn entry_points(&self, query: &Query) -> Reply {
        let mut sorted: Vec<&(String, Value)> = self.entry_points.iter().collect();
        sorted.sort_by_key(|(name, _)| name);
        page_of(&sorted, query, |(name, config)| named(name, config))
    }

    pub(crate) fn entry_point(&self, name: &str) -> Reply {
        match self.entry_points.iter().find(|(known, _)| known == name) {
            Some((name, config)) => Reply::json(&named(name, config)),
            None => Reply::error(StatusCode::NOT_FOUND, &format!("entry point not found: {name}")),
        }
    }
}

fn named(name: &str, config: &Value) -> Value {
    let mut shown = config.clone();
    if let Value::Object(fields) = &mut shown {
        fields.insert("name".to_owned(), name.into());
    }
    shown
}
