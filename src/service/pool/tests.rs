//! The pool: what is kept, given out and swept.

use std::rc::Rc;
use std::time::{Duration, Instant};

use exchange::Kind;

use super::{Dialling, Lease, Load};

#[test]
fn a_new_connection_takes_one_stream_until_its_endpoint_has_said_more() {
    let load = Rc::new(Load::new());
    assert!(load.has_room());
    let first = Lease::take(&load);
    assert!(!load.has_room());
    load.settle(2);
    assert!(load.has_room());
    let second = Lease::take(&load);
    assert!(!load.has_room());
    drop(first);
    assert!(load.has_room());
    drop(second);
}

#[test]
fn an_endpoint_that_allows_nothing_is_still_asked() {
    let load = Rc::new(Load::new());
    load.settle(0);
    assert!(load.has_room());
}

#[test]
fn a_connection_is_idle_when_nobody_holds_a_stream() {
    let load = Rc::new(Load::new());
    let before = Instant::now();
    assert!(load.idle_since().is_some());
    let lease = Lease::take(&load);
    assert_eq!(load.idle_since(), None);
    drop(lease);
    assert!(load.idle_since().unwrap() >= before);
}

#[test]
fn who_waited_for_a_dial_shares_its_failure() {
    let dialling = Dialling::default();
    let asked = Instant::now();
    assert_eq!(dialling.failed_since(asked), None);
    dialling.fail(Kind::DialTimeout);
    assert_eq!(dialling.failed_since(asked), Some(Kind::DialTimeout));
    assert_eq!(
        dialling.failed_since(Instant::now() + Duration::from_millis(1)),
        None,
        "who comes later tries"
    );
}
