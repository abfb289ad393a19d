//! A connection's state: its deadline, its requests, its end.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::{Due, State};
use crate::settings::Settings;

const SECOND: Duration = Duration::from_secs(1);

fn settings() -> Settings {
    Settings {
        read_timeout: Some(SECOND * 10),
        write_timeout: Some(SECOND * 30),
        idle_timeout: Some(SECOND * 60),
        ..Settings::default()
    }
}

fn state(opened: Instant) -> State {
    State::new(opened, Rc::default())
}

/// What is due so many seconds after the connection was opened.
fn check(state: &State, opened: Instant, after: u32, wanted: Due) {
    assert_eq!(state.due(&settings(), opened + SECOND * after), wanted, "after {after} s");
}

#[test]
fn a_head_has_to_come_in_time() {
    let opened = Instant::now();
    let state = state(opened);
    check(&state, opened, 1, Due::Later(opened + SECOND * 10));
    check(&state, opened, 10, Due::Slow);
}

#[test]
fn an_exchange_without_a_body_has_the_write_timeout() {
    let opened = Instant::now();
    let state = state(opened);
    assert_eq!(state.begin(), opened);
    check(&state, opened, 10, Due::Later(opened + SECOND * 30));
    check(&state, opened, 30, Due::Slow);
}

#[test]
fn a_body_that_is_read_too_slowly_expires_and_the_answer_may_still_be_written() {
    let opened = Instant::now();
    let state = state(opened);
    state.begin();
    state.body_begins();
    check(&state, opened, 1, Due::Later(opened + SECOND * 10));
    assert!(!state.body_expired());
    check(&state, opened, 10, Due::Later(opened + SECOND * 10));
    assert!(state.body_expired());
    check(&state, opened, 11, Due::Later(opened + SECOND * 30));
    check(&state, opened, 30, Due::Slow);
}

#[test]
fn the_nearer_of_two_deadlines_counts_while_a_body_is_read() {
    let opened = Instant::now();
    let state = state(opened);
    state.begin();
    state.body_begins();
    let settings = Settings { write_timeout: Some(SECOND * 5), ..settings() };
    assert_eq!(state.due(&settings, opened), Due::Later(opened + SECOND * 5));
    assert_eq!(state.due(&settings, opened + SECOND * 5), Due::Slow);
    let endless = Settings { read_timeout: None, write_timeout: None, ..settings };
    assert_eq!(state.due(&endless, opened + SECOND * 1000), Due::Never);
}

#[test]
fn idle_begins_with_the_end_of_the_last_exchange() {
    let state = state(Instant::now());
    state.begin();
    state.begin();
    state.end(Instant::now());
    assert!(!state.is_idle());
    state.end(Instant::now());
    assert!(state.is_idle());
    let since = state.idle_since();
    check(&state, since, 59, Due::Later(since + SECOND * 60));
    check(&state, since, 60, Due::Idle);
    state.note_read();
    assert!(!state.is_idle(), "a head has begun");
}

#[test]
fn only_what_rests_is_parked() {
    let state = state(Instant::now());
    state.begin();
    state.end(Instant::now());
    state.read_dry.set(true);
    assert!(!state.may_park(), "it was in use since the last look");
    assert!(state.may_park());
    state.unflushed.set(true);
    assert!(!state.may_park(), "something is still to be written");
    state.unflushed.set(false);
    state.read_dry.set(false);
    assert!(!state.may_park(), "something may be there to be read");
}

#[test]
fn streams_have_deadlines_of_their_own() {
    let opened = Instant::now();
    let state = state(opened);
    state.set_multiplexed();
    state.begin();
    check(&state, opened, 1000, Due::Never);
}

#[test]
fn a_connection_serves_as_often_as_it_may() {
    let state = state(Instant::now());
    let settings = Settings { keep_alive_max_requests: 2, ..Settings::default() };
    state.begin();
    assert!(!state.is_last(&settings));
    state.begin();
    assert!(state.is_last(&settings));
    assert!(!state.is_last(&Settings::default()));
    let aged = Settings { keep_alive_max_time: Some(Duration::ZERO), ..Settings::default() };
    assert!(state.is_last(&aged));
}

#[test]
fn an_http2_stream_begins_with_its_head_and_not_with_the_connection() {
    let before = Instant::now().checked_sub(Duration::from_secs(10)).unwrap();
    let http1 = state(before);
    assert_eq!(http1.begin(), before);
    let http2 = state(before);
    http2.set_multiplexed();
    assert!(http2.begin() > before);
}
