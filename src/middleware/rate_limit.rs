//! `rateLimit` — a token bucket for each source, in memory.
//!
//! A request whose token comes soon is held until then; one whose token is further away is refused.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use document::Problem;
use exchange::{Request, Response};
use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue, StatusCode};
use limits::{Buckets, Gcra, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::client_source::{Criterion, IpStrategy, SourceCriterion};
use crate::unbuilt::Unbuilt;
use crate::{Flow, status_text, unset};

/// ```yaml
/// rateLimit: { average: 100, burst: 50 }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// So many requests in each period; 0 means no limit.
    #[serde(skip_serializing_if = "unset")]
    pub average: i64,
    /// One second when unset.
    #[serde(skip_serializing_if = "unset")]
    pub period: document::Duration,
    /// So many at once; at least 1.
    #[serde(skip_serializing_if = "unset")]
    pub burst: i64,
    #[serde(skip_serializing_if = "unset")]
    pub source_criterion: Option<SourceCriterion>,
    /// Limits shared by several gateways: not supported yet.
    #[serde(skip_serializing_if = "unset")]
    pub redis: Option<Unbuilt>,
    /// How requests over the limit may wait.
    #[serde(skip_serializing_if = "unset")]
    pub queue: Queue,
    /// What shares the buckets.
    #[serde(skip_serializing_if = "unset")]
    pub scope: Scope,
}

/// `queue` of a rate limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Queue {
    /// A request is held no longer than this, at most 5 s; 0 holds none. Unset: half the time between two requests
    /// of the average, at most 500 ms.
    #[serde(skip_serializing_if = "unset")]
    pub max_delay: Option<document::Duration>,
}

/// What shares the buckets of a rate limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// All routers that use the middleware.
    // Traefik: each router has buckets of its own.
    #[default]
    Middleware,
    /// Each router for itself.
    Router,
}

pub(crate) struct RateLimit {
    /// `None`: no limit.
    buckets: Option<Buckets>,
    criterion: Arc<Criterion>,
    held: AtomicUsize,
    rate: Arc<str>,
    scope: Scope,
    /// With the scope of a router: that of each router, for as long as somebody uses it.
    routers: Mutex<HashMap<Box<str>, Weak<Self>>>,
}

/// A request that is being held; it counts until it goes on or its client leaves.
struct Held<'a>(&'a AtomicUsize);

/// Requests of one limit that may be held at the same time; each keeps its connection and its memory.
const MOST_HELD: usize = 1024;
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// One host has all the addresses of a /64.
// Traefik: each address is a source.
const IPV6_SUBNET: u8 = 64;
const X_RETRY_IN: HeaderName = HeaderName::from_static("x-retry-in");

// === impl Config ===

impl Config {
    pub(crate) fn build(&self) -> Result<RateLimit, Problem> {
        if self.redis.is_some() {
            let message = "limits in Redis are not supported yet";
            return Err(Problem::field("redis", message).with_code("unsupported_option"));
        }
        let average = u64::try_from(self.average)
            .map_err(|_negative| Problem::field("average", "`average` must not be negative"))?;
        if self.period.is_negative() {
            return Err(Problem::field("period", "`period` must not be negative"));
        }
        let period = self.period.positive().unwrap_or(Duration::from_secs(1));
        let burst = u64::try_from(self.burst).ok().and_then(NonZeroU64::new).unwrap_or(NonZeroU64::MIN);
        let patience = self.patience(average, period)?;
        let buckets = NonZeroU64::new(average).map(|average| {
            let rate = Gcra::new(average, period, burst);
            Buckets::new(rate, patience, Instant::now().into_std())
        });
        let period = document::Duration::from(period);
        Ok(RateLimit {
            buckets,
            criterion: Arc::new(self.criterion()?),
            held: AtomicUsize::new(0),
            rate: format!("{average} requests in {period}, {burst} at once").into(),
            scope: self.scope,
            routers: Mutex::default(),
        })
    }

    /// How long a request may be held.
    fn patience(&self, average: u64, period: Duration) -> Result<Duration, Problem> {
        let Some(delay) = self.queue.max_delay else {
            return Ok(half_interval(average, period));
        };
        let delay = delay.to_std();
        if delay > LONGEST_DELAY {
            return Err(Problem::field("queue.maxDelay", "must not be longer than 5s"));
        }
        Ok(delay)
    }

    fn criterion(&self) -> Result<Criterion, Problem> {
        let mut wanted = self.source_criterion.clone().unwrap_or_default();
        if wanted.is_unset() {
            wanted.ip_strategy = Some(IpStrategy::default());
        }
        let built = wanted.build().map_err(|problem| problem.under("sourceCriterion"))?;
        Ok(match built {
            Criterion::Address(source) => Criterion::Address(source.with_default_subnet(IPV6_SUBNET)),
            other @ (Criterion::Header(_) | Criterion::Host) => other,
        })
    }
}

/// Traefik's `maxDelay`: 500 ms below one request a second, else one second by twice the whole rate.
fn half_interval(average: u64, period: Duration) -> Duration {
    let per_second = u128::from(average).saturating_mul(1_000_000_000) / period.as_nanos().max(1);
    let per_second = u32::try_from(per_second).unwrap_or(u32::MAX).clamp(1, u32::MAX / 2);
    Duration::from_secs(1) / (per_second * 2)
}

// === impl RateLimit ===

impl RateLimit {
    pub(crate) async fn request(&self, req: &Request) -> Flow {
        let Some(buckets) = &self.buckets else {
            return Flow::Continue;
        };
        // Workers that look at the same time may hold one too many each.
        let patient = self.held.load(Ordering::Relaxed) < MOST_HELD;
        let source = self.criterion.find(req);
        match buckets.take(&source, Instant::now().into_std(), patient) {
            Verdict::Pass => Flow::Continue,
            Verdict::Wait(delay) => {
                let _held = Held::new(&self.held);
                tokio::time::sleep(delay).await;
                Flow::Continue
            }
            Verdict::Refuse { retry_after } => {
                req.record.reason.set(Some("rate_limited"));
                Flow::answer(refusal(retry_after))
            }
        }
    }

    /// What a router is to use: the limit itself, or its own one. It finds that again after a reload, since the old
    /// snapshot is in use until the new one is built.
    pub(crate) fn for_router(self: Arc<Self>, router: &str) -> Arc<Self> {
        if self.scope == Scope::Middleware {
            return self;
        }
        let mut routers = self.routers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = routers.get(router).and_then(Weak::upgrade) {
            return own;
        }
        let own = Arc::new(Self {
            buckets: self.buckets.as_ref().map(Buckets::fresh),
            criterion: Arc::clone(&self.criterion),
            held: AtomicUsize::new(0),
            rate: Arc::clone(&self.rate),
            scope: Scope::Middleware,
            routers: Mutex::default(),
        });
        routers.retain(|_, limit| limit.strong_count() > 0);
        routers.insert(router.into(), Arc::downgrade(&own));
        own
    }

    pub(crate) fn effect(&self) -> String {
        if self.buckets.is_none() {
            return "limits nothing".to_owned();
        }
        format!("limits each {} to {}", self.criterion.describe(), self.rate)
    }
}

// === impl Held ===

impl<'a> Held<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn refusal(retry_after: Duration) -> Response {
    let mut res = status_text(StatusCode::TOO_MANY_REQUESTS);
    let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
    let headers = res.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    if let Ok(value) = HeaderValue::try_from(document::Duration::from(retry_after).to_string()) {
        headers.insert(X_RETRY_IN, value);
    }
    res
}

#[cfg(test)]
mod tests;
