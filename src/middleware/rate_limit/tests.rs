//! How many pass, how long they wait, and for whom they count. Time stands still unless it is moved.

use super::*;
use crate::tests::{answer, build_error, header_values, passes, request, text, with_header, with_peer};

fn built(json: &str) -> Result<RateLimit, Problem> {
    serde_json::from_str::<Config>(json).unwrap().build()
}

async fn passed(limit: &RateLimit, requests: usize, make: impl Fn() -> Request) -> usize {
    let mut passed = 0;
    for _ in 0..requests {
        passed += usize::from(passes(&limit.request(&make()).await));
    }
    passed
}

async fn check(json: &str, requests: usize, wanted: usize) {
    let limit = built(json).unwrap();
    assert_eq!(passed(&limit, requests, || request("/")).await, wanted, "{json}");
}

#[tokio::test(start_paused = true)]
async fn the_burst_passes_and_the_rest_does_not() {
    check(r#"{"average": 1, "burst": 5, "period": "1h"}"#, 10, 5).await;
    check(r#"{"average": 1, "period": 3600}"#, 3, 1).await;
    check(r#"{"average": 1, "burst": -7, "period": "1h"}"#, 3, 1).await;
    check(r#"{"average": 0, "burst": 1}"#, 30, 30).await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_tells_when_to_come_again() {
    let limit = built(r#"{"average": 1, "burst": 1}"#).unwrap();
    let req = request("/");
    assert!(passes(&limit.request(&req).await));
    let res = answer(limit.request(&req).await);
    assert_eq!(res.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header_values(res.headers(), "retry-after"), ["1"]);
    assert_eq!(header_values(res.headers(), "x-retry-in"), ["1s"]);
    assert_eq!(text(&res), "Too Many Requests");
    assert_eq!(req.record.reason.get(), Some("rate_limited"));
}

#[tokio::test(start_paused = true)]
async fn a_wait_longer_than_half_an_interval_is_refused() {
    check(r#"{"average": 100, "burst": 1}"#, 2, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_short_wait_is_waited_for() {
    let limit = built(r#"{"average": 100, "burst": 1}"#).unwrap();
    assert!(passes(&limit.request(&request("/")).await));
    tokio::time::advance(Duration::from_millis(6)).await;
    let before = Instant::now();
    assert!(passes(&limit.request(&request("/")).await));
    let waited = before.elapsed();
    assert!((Duration::from_millis(4)..Duration::from_millis(6)).contains(&waited), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn the_delay_can_be_set() {
    check(r#"{"average": 1, "burst": 1, "queue": {"maxDelay": "2s"}}"#, 4, 4).await;
    let limit = built(r#"{"average": 100, "burst": 1, "queue": {"maxDelay": 0}}"#).unwrap();
    assert!(passes(&limit.request(&request("/")).await));
    tokio::time::advance(Duration::from_millis(9)).await;
    assert!(!passes(&limit.request(&request("/")).await));
}

#[tokio::test(start_paused = true)]
async fn only_so_many_are_held() {
    let limit = built(r#"{"average": 1, "burst": 1, "queue": {"maxDelay": "5s"}}"#).unwrap();
    assert!(passes(&limit.request(&request("/")).await));
    limit.held.store(MOST_HELD, Ordering::Relaxed);
    assert!(!passes(&limit.request(&request("/")).await));
    limit.held.store(0, Ordering::Relaxed);
    {
        let left = request("/");
        let held = limit.request(&left);
        let gone = tokio::time::timeout(Duration::from_millis(10), held).await;
        assert!(gone.is_err(), "it should have been held");
    }
    assert_eq!(limit.held.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refill_passes_the_next() {
    let limit = built(r#"{"average": 1, "burst": 100}"#).unwrap();
    assert_eq!(passed(&limit, 200, || request("/")).await, 100);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(passed(&limit, 200, || request("/")).await, 2);
}

#[tokio::test(start_paused = true)]
async fn each_peer_is_a_source() {
    let limit = built(r#"{"average": 1, "burst": 2, "period": "1h"}"#).unwrap();
    for (peer, wanted) in [
        ("127.0.0.1:1", 2),
        ("127.0.0.2:1", 2),
        ("127.0.0.1:2", 0),
        ("[2001:db8::1]:1", 2),
        ("[2001:db8::ffff:2]:1", 0),
        ("[2001:db8:0:1::1]:1", 2),
    ] {
        let make = || with_header(with_peer(request("/"), peer), "x-forwarded-for", "5.5.5.5");
        assert_eq!(passed(&limit, 4, make).await, wanted, "{peer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_whole_ipv6_address_can_be_asked_for() {
    let limit =
        built(r#"{"average": 1, "period": "1h", "sourceCriterion": {"ipStrategy": {"ipv6Subnet": 128}}}"#)
            .unwrap();
    for peer in ["[2001:db8::1]:1", "[2001:db8::2]:1"] {
        assert_eq!(passed(&limit, 2, || with_peer(request("/"), peer)).await, 1, "{peer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_header_can_be_the_source() {
    let limit = built(
        r#"{"average": 1, "burst": 2, "period": "1h", "sourceCriterion": {"requestHeaderName": "X-Key"}}"#,
    )
    .unwrap();
    for key in ["a", "b"] {
        let make = || with_header(request("/"), "x-key", key);
        assert_eq!(passed(&limit, 4, make).await, 2, "{key}");
    }
    assert_eq!(passed(&limit, 3, || request("/")).await, 2);
    assert_eq!(passed(&limit, 3, || with_peer(request("/"), "127.0.0.9:1")).await, 0);
}

#[tokio::test(start_paused = true)]
async fn routers_share_unless_they_should_not() {
    for (scope, wanted) in [("middleware", 0), ("router", 1)] {
        let limit =
            Arc::new(built(&format!(r#"{{"average": 1, "period": "1h", "scope": "{scope}"}}"#)).unwrap());
        let [a, b] = ["a@file", "b@file"].map(|router| Arc::clone(&limit).for_router(router));
        assert_eq!(passed(&a, 2, || request("/")).await, 1, "{scope}");
        assert_eq!(passed(&b, 2, || request("/")).await, wanted, "{scope}");
        let again = Arc::clone(&limit).for_router("a@file");
        assert_eq!(passed(&again, 2, || request("/")).await, 0, "{scope}");
    }
}

#[test]
fn the_delay_is_half_an_interval() {
    for (average, period, wanted) in
        [(1, 1000, 500), (1, 3_600_000, 500), (2, 1000, 250), (100, 1000, 5), (5, 2000, 250)]
    {
        let got = half_interval(average, Duration::from_millis(period));
        assert_eq!(got, Duration::from_millis(wanted), "{average} in {period} ms");
    }
}

#[test]
fn names_mistakes() {
    build_error(built(r#"{"average": 1, "period": "-1s"}"#), "period");
    build_error(built(r#"{"average": -1}"#), "average");
    build_error(
        built(r#"{"average": 1, "sourceCriterion": {"requestHost": true, "requestHeaderName": "X"}}"#),
        "sourceCriterion",
    );
    build_error(
        built(r#"{"sourceCriterion": {"ipStrategy": {"excludedIPs": ["x"]}}}"#),
        "sourceCriterion.ipStrategy.excludedIPs[0]",
    );
    build_error(built(r#"{"average": 1, "queue": {"maxDelay": "6s"}}"#), "queue.maxDelay");
    let redis = built(r#"{"average": 1, "redis": {"endpoints": ["a:1"]}}"#);
    build_error(redis, "redis");
}
