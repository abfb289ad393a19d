//! Transports: what the document says and what is built of it.

use std::time::Duration;

use document::scalar;

use super::{Config, ForwardingTimeouts, idle_per_worker};

#[test]
fn defaults_are_those_of_a_named_transport() {
    let built = Config::default().build(2).unwrap();
    assert_eq!(built.dial_timeout, Some(Duration::from_secs(30)));
    assert_eq!(built.response_header_timeout, None);
    assert_eq!(built.idle_timeout, Some(Duration::from_secs(90)));
    assert_eq!((built.ping_interval, built.ping_timeout), (None, Duration::from_secs(15)));
    assert!(built.http2);
}

#[test]
fn zero_means_no_limit() {
    let zero = Some(scalar::Duration::ZERO);
    let timeouts =
        ForwardingTimeouts { dial_timeout: zero, idle_conn_timeout: zero, ..ForwardingTimeouts::default() };
    let built = Config { forwarding_timeouts: Some(timeouts), ..Config::default() }.build(1).unwrap();
    assert_eq!((built.dial_timeout, built.idle_timeout), (None, None));
}

#[test]
fn workers_share_the_idle_connections_but_none_gets_too_few() {
    for (configured, workers, wanted) in
        [(200, 4, 50), (200, 1, 200), (2, 1, 4), (9, 4, 4), (-1, 4, 0), (7, 0, 7)]
    {
        assert_eq!(idle_per_worker(configured, workers), wanted, "{configured} for {workers}");
    }
}
