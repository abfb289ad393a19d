//! `ipAllowList` — lets only listed addresses pass; and `ipWhiteList`, its old name.

use document::Problem;
use exchange::{Body, Request, Response};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::client_source::{Address, AddressSource, IpStrategy};
use crate::networks::Networks;
use crate::{Flow, status_text, unset};

/// ```yaml
/// ipAllowList: { sourceRange: [127.0.0.1/32, 192.168.1.7] }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// Addresses and CIDR blocks that may pass. At least one.
    #[serde(skip_serializing_if = "unset")]
    pub source_range: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub ip_strategy: Option<IpStrategy>,
    /// The answer to everybody else; unset means 403.
    #[serde(skip_serializing_if = "unset")]
    pub reject_status_code: i64,
}

/// `ipWhiteList`: the same, always with 403. Use `ipAllowList`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OldConfig {
    #[serde(skip_serializing_if = "unset")]
    pub source_range: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub ip_strategy: Option<IpStrategy>,
}

pub(crate) struct IpAllowList {
    allowed: Networks,
    source: AddressSource,
    refusal: StatusCode,
    count: usize,
}

// === impl Config ===

impl Config {
    pub(crate) fn build(&self) -> Result<IpAllowList, Problem> {
        if self.source_range.is_empty() {
            return Err(Problem::field("sourceRange", "the list is empty, so nobody could pass"));
        }
        let strategy = self.ip_strategy.clone().unwrap_or_default();
        Ok(IpAllowList {
            allowed: Networks::parse("sourceRange", &self.source_range)?,
            source: strategy.build().map_err(|problem| problem.under("ipStrategy"))?,
            refusal: self.refusal()?,
            count: self.source_range.len(),
        })
    }

    fn refusal(&self) -> Result<StatusCode, Problem> {
        if self.reject_status_code == 0 {
            return Ok(StatusCode::FORBIDDEN);
        }
        // An interim status cannot be an answer.
        u16::try_from(self.reject_status_code)
            .ok()
            .and_then(|code| StatusCode::from_u16(code).ok())
            .filter(|status| status.canonical_reason().is_some() && !status.is_informational())
            .ok_or_else(|| {
                let message = format!("{} is no HTTP status", self.reject_status_code);
                Problem::field("rejectStatusCode", message)
            })
    }
}

impl From<&OldConfig> for Config {
    fn from(old: &OldConfig) -> Self {
        Self {
            source_range: old.source_range.clone(),
            ip_strategy: old.ip_strategy.clone(),
            reject_status_code: 0,
        }
    }
}

// === impl IpAllowList ===

impl IpAllowList {
    pub(crate) fn request(&self, req: &Request) -> Flow {
        match self.source.find(req) {
            Address::Ip(address) if self.allowed.contains(address) => Flow::Continue,
            Address::Ip(_) | Address::Text(_) => {
                req.record.reason.set(Some("ip_refused"));
                Flow::answer(self.answer())
            }
        }
    }

    fn answer(&self) -> Response {
        match self.refusal {
            // They have no body.
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => Response::new(self.refusal, Body::Empty),
            status => status_text(status),
        }
    }

    pub(crate) fn effect(&self) -> String {
        let status = self.refusal.as_u16();
        format!("refuses clients outside of {} ranges with {status}", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{answer, build_error, passes, request, with_header};

    fn build(json: &str) -> Result<IpAllowList, Problem> {
        serde_json::from_str::<Config>(json).unwrap().build()
    }

    fn check(json: &str, forwarded_for: &str, wanted: u16) {
        let req = with_header(request("/"), "x-forwarded-for", forwarded_for);
        let flow = build(json).unwrap().request(&req);
        let status = if passes(&flow) { 200 } else { answer(flow).status().as_u16() };
        assert_eq!(status, wanted, "{json} {forwarded_for}");
        assert_eq!(req.record.reason.get(), (wanted != 200).then_some("ip_refused"));
    }

    #[test]
    fn lets_the_listed_pass() {
        check(r#"{"sourceRange": ["127.0.0.1/32"]}"#, "", 200);
        check(r#"{"sourceRange": ["127.0.0.1"], "ipStrategy": {}}"#, "9.9.9.9", 200);
        check(r#"{"sourceRange": ["10.0.0.0/8"]}"#, "10.0.0.1", 403);
    }

    #[test]
    fn depth_and_exclusion_choose_the_address() {
        let two = "1.1.1.1, 2.2.2.2";
        check(r#"{"sourceRange": ["1.1.1.1"], "ipStrategy": {"depth": 2}}"#, two, 200);
        check(r#"{"sourceRange": ["1.1.1.1"], "ipStrategy": {"depth": 3}}"#, two, 403);
        check(r#"{"sourceRange": ["1.1.1.1"], "ipStrategy": {"excludedIPs": ["2.2.2.2"]}}"#, two, 200);
        check(
            r#"{"sourceRange": ["2001:db8:1::"], "ipStrategy": {"depth": 1, "ipv6Subnet": 64}}"#,
            "2001:db8:1::9",
            200,
        );
        check(r#"{"sourceRange": ["0.0.0.0/0"], "ipStrategy": {"depth": 1}}"#, "junk", 403);
    }

    #[test]
    fn the_status_can_be_another() {
        check(r#"{"sourceRange": ["10.0.0.0/8"], "rejectStatusCode": 404}"#, "", 404);
        let flow = build(r#"{"sourceRange": ["10.0.0.0/8"], "rejectStatusCode": 404}"#)
            .unwrap()
            .request(&request("/"));
        assert_eq!(crate::tests::text(&answer(flow)), "Not Found");
    }

    #[test]
    fn names_mistakes() {
        build_error(build("{}"), "sourceRange");
        build_error(build(r#"{"sourceRange": ["not-an-ip"]}"#), "sourceRange[0]");
        build_error(build(r#"{"sourceRange": ["10.0.0.1"], "rejectStatusCode": 799}"#), "rejectStatusCode");
        build_error(
            build(r#"{"sourceRange": ["::/0"], "ipStrategy": {"ipv6Subnet": 129}}"#),
            "ipStrategy.ipv6Subnet",
        );
    }

    #[test]
    fn the_old_name_knows_no_status() {
        assert!(serde_json::from_str::<OldConfig>(r#"{"rejectStatusCode": 404}"#).is_err());
    }
}
