//! Lines of the access log, byte by byte.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use exchange::connection::{Open, Tls};
use exchange::record::{Record, RouteName, Seen, SeenHeaders};
use exchange::{Connection, Kind};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};

use super::writer::Times;
use super::{Entry, LEAST_QUEUE, Queue, Settings, common, json};
use crate::config::{self, AccessLogFormat, Mode};

fn connection(trusted: bool, tls: bool) -> Rc<Connection> {
    Rc::new(Connection {
        entry_point: "web".into(),
        peer: "10.0.0.1:4711".parse().unwrap(),
        local: "10.0.0.9:80".parse().unwrap(),
        peer_value: HeaderValue::from_static("10.0.0.1"),
        trusted,
        tls: tls.then(|| Tls {
            version: "1.3",
            cipher: "TLS_AES_128_GCM_SHA256",
            sni: None,
            options: "default".into(),
            client_certificates: Arc::new([]),
        }),
        open: Open::count(&Arc::default()),
    })
}

fn route(internal: bool, access_logs: bool) -> Arc<RouteName> {
    Arc::new(RouteName {
        router: "shop@file".into(),
        service: "shop-service@file".into(),
        id: 1,
        access_logs,
        metrics: true,
        internal,
    })
}

/// 10 November 2009, 23:00:00.12 UTC.
fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_257_894_000_120)
}

fn seen(target: &str) -> Seen {
    Seen {
        at: start(),
        target: target.parse::<http::Uri>().unwrap().into(),
        version: Version::HTTP_11,
        host: Some(HeaderValue::from_static("shop.example:8080")),
        referer: Some(HeaderValue::from_static("https://a.example/")),
        user_agent: Some(HeaderValue::from_static("curl/8 \"x\"")),
        forwarded_for: Some(HeaderValue::from_static("192.0.2.7, 10.1.1.1")),
        headers: None,
    }
}

/// A request that a service answered.
fn served(connection: Rc<Connection>, target: &str) -> Record {
    let mut record = Record::new(connection, Method::GET, Instant::now());
    record.seen = Some(Box::new(seen(target)));
    record.route.replace(Some(route(false, true)));
    record.endpoint.replace(Some("http://10.0.0.2:8080/base".into()));
    record.origin_duration.set(Some(Duration::from_millis(1000)));
    record.origin_status.set(Some(StatusCode::OK));
    record.origin_size.set(264);
    record.response_size.set(132);
    record.request_size.set(5);
    record
}

/// A request without a route.
fn unrouted() -> Record {
    let mut record = Record::new(connection(false, false), Method::GET, Instant::now());
    record.seen = Some(Box::new(seen("/x")));
    record.response_size.set(19);
    record.reason.set(Some("no_router"));
    record
}

fn keeping(headers: Mode) -> config::AccessLog {
    let headers = config::Headers { default_mode: Some(headers), ..config::Headers::default() };
    let fields = config::Fields { headers: Some(headers), ..config::Fields::default() };
    config::AccessLog { fields: Some(fields), ..config::AccessLog::default() }
}

fn line(config: &config::AccessLog, entry: &Entry) -> String {
    let settings = Settings::new(config).unwrap();
    let (mut out, mut times) = (Vec::new(), Times::default());
    match settings.format {
        AccessLogFormat::Common => common::write(&mut out, entry, &settings.kept, &mut times, false),
        AccessLogFormat::GenericClf => common::write(&mut out, entry, &settings.kept, &mut times, true),
        AccessLogFormat::Json => json::write(&mut out, entry, &settings.kept, &mut times),
    }
    String::from_utf8(out).unwrap()
}

fn entry(record: &Record, status: u16) -> Entry {
    entry_for(&config::AccessLog::default(), record, status)
}

fn entry_for(config: &config::AccessLog, record: &Record, status: u16) -> Entry {
    Entry::of(record, status, Duration::from_millis(1234), 7, &Settings::new(config).unwrap().kept)
}

#[track_caller]
fn check(config: &config::AccessLog, entry: &Entry, wanted: &str) {
    assert_eq!(line(config, entry), format!("{wanted}\n"));
}

// === common ===

#[test]
fn the_common_line_is_that_of_traefik() {
    let record = served(connection(false, false), "/a?b=c");
    check(
        &config::AccessLog::default(),
        &entry(&record, 200),
        r#"10.0.0.1 - - [10/Nov/2009:23:00:00 +0000] "GET /a?b=c HTTP/1.1" 200 132 "-" "-" 7 "shop@file" "http://10.0.0.2:8080/base" 1234ms"#,
    );
    check(
        &config::AccessLog::default(),
        &entry(&unrouted(), 404),
        r#"10.0.0.1 - - [10/Nov/2009:23:00:00 +0000] "GET /x HTTP/1.1" 404 19 "-" "-" 7 "-" "-" 1234ms"#,
    );
}

#[test]
fn headers_are_written_where_they_are_kept() {
    let record = served(connection(false, false), "/");
    let part =
        |mode| line(&keeping(mode), &entry(&record, 200)).split(" 200 132 ").nth(1).unwrap().to_owned();
    assert!(part(Mode::Keep).starts_with(r#""https://a.example/" "curl/8 "x"" 7 "#));
    assert!(part(Mode::Redact).starts_with(r#""REDACTED" "REDACTED" 7 "#));
}

#[test]
fn generic_lines_stop_after_the_user_agent() {
    let config = config::AccessLog { format: AccessLogFormat::GenericClf, ..config::AccessLog::default() };
    check(
        &config,
        &entry(&unrouted(), 404),
        r#"10.0.0.1 - - [10/Nov/2009:23:00:00 +0000] "GET /x HTTP/1.1" 404 19 "-" "-""#,
    );
}

#[test]
fn a_trusted_peer_names_the_client() {
    let config = config::AccessLog::default();
    let line_of = |trusted| line(&config, &entry(&served(connection(trusted, false), "/"), 200));
    assert!(line_of(true).starts_with("192.0.2.7, 10.1.1.1 - - ["));
    assert!(line_of(false).starts_with("10.0.0.1 - - ["));
}

#[test]
fn a_user_name_adds_no_line() {
    let record = served(connection(false, false), "/");
    record.set_user("eve\n10.0.0.1 - root");
    assert!(
        line(&config::AccessLog::default(), &entry(&record, 401))
            .starts_with(r"10.0.0.1 - eve\x0a10.0.0.1 - root [")
    );
}

#[test]
fn fields_can_be_dropped() {
    let mut config = config::AccessLog::default();
    let mut fields = config::Fields { default_mode: Some(Mode::Drop), ..config::Fields::default() };
    fields.names.insert("requestpath".to_owned(), Mode::Keep);
    fields.query_parameters = Some(config::QueryParameters { default_mode: Some(Mode::Drop) });
    config.fields = Some(fields);
    let record = served(connection(false, false), "/a?secret=1");
    check(&config, &entry(&record, 200), r#"- - - [-] "- /a -" - - "-" "-" - "-" "-" 0ms"#);
}

#[test]
fn an_unreadable_request_leaves_a_line() {
    let entry = Entry::refused(&connection(false, false), Kind::Malformed, 3);
    let line = line(&config::AccessLog::default(), &entry);
    assert!(line.starts_with("10.0.0.1 - - ["), "{line}");
    assert!(line.ends_with(" \"- - -\" 400 0 \"-\" \"-\" 3 \"-\" \"-\" 0ms\n"), "{line}");
}

// === JSON ===

/// The line without what depends on the zone of the machine.
fn json_line(entry: &Entry) -> String {
    let mut config = config::AccessLog { format: AccessLogFormat::Json, ..keeping(Mode::Keep) };
    if let Some(fields) = &mut config.fields {
        fields.names.insert("StartLocal".to_owned(), Mode::Drop);
    }
    let line = line(&config, entry);
    let (before, time) = line.split_once(r#","time":""#).unwrap();
    assert!(time.ends_with("\"}\n"), "{time}");
    before.to_owned()
}

#[test]
fn json_has_the_fields_of_traefik() {
    let record = served(connection(false, true), "/a?b=c&d=%22");
    assert_eq!(
        json_line(&entry(&record, 200)),
        concat!(
            r#"{"ClientAddr":"10.0.0.1:4711","ClientHost":"10.0.0.1","ClientPort":"4711","ClientUsername":"-","#,
            r#""DownstreamContentSize":132,"DownstreamStatus":200,"Duration":1234000000,"GzipRatio":2,"#,
            r#""OriginContentSize":264,"OriginDuration":1000000000,"OriginStatus":200,"Overhead":234000000,"#,
            r#""RequestAddr":"shop.example:8080","RequestContentSize":5,"RequestCount":7,"#,
            r#""RequestHost":"shop.example","RequestMethod":"GET","RequestPath":"/a?b=c&d=%22","RequestPort":"8080","#,
            r#""RequestProtocol":"HTTP/1.1","RequestScheme":"https","RetryAttempts":0,"RouterName":"shop@file","#,
            r#""ServiceAddr":"10.0.0.2:8080","ServiceName":"shop-service@file","#,
            r#""ServiceURL":"http://10.0.0.2:8080/base","StartUTC":"2009-11-10T23:00:00.12Z","#,
            r#""TLSCipher":"TLS_AES_128_GCM_SHA256","TLSVersion":"1.3","entryPointName":"web","level":"info","#,
            r#""msg":"","request_Referer":"https://a.example/","request_User-Agent":"curl/8 \"x\"""#,
        )
    );
}

#[test]
fn json_says_why_the_gateway_answered_itself() {
    let line = json_line(&entry(&unrouted(), 404));
    assert!(
        line.contains(r#""OriginContentSize":0,"OriginDuration":0,"OriginStatus":0,"Overhead":1234000000,"#)
    );
    assert!(line.contains(r#""Reason":"no_router","#));
    assert!(!line.contains("RouterName") && !line.contains("GzipRatio") && !line.contains("ServiceName"));
}

#[test]
fn a_dead_endpoint_has_the_status_we_gave_for_it() {
    let record = served(connection(false, false), "/");
    record.origin_status.set(None);
    *record.service.borrow_mut() = Some("canary@file".into());
    let line = json_line(&entry(&record, 502));
    assert!(
        line.contains(r#""OriginStatus":502,"#) && line.contains(r#""ServiceName":"canary@file","#),
        "{line}"
    );
}

fn header_map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let lines =
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    lines.collect()
}

#[track_caller]
fn check_headers(default: Option<Mode>, names: &[(&str, Mode)], wanted: &[(&str, &str)]) {
    let mut record = served(connection(false, false), "/");
    let two_lines = [("x-a", "1"), ("x-a", "2"), ("authorization", "Basic eA=="), ("host", "shop.example")];
    let seen = SeenHeaders {
        request: header_map(&two_lines).into(),
        origin: header_map(&[("server", "s"), ("set-cookie", "c=1")]).into(),
        response: header_map(&[("x-b", "3")]).into(),
    };
    if let Some(head) = &mut record.seen {
        head.headers = Some(Box::new(seen));
    }
    let names = names.iter().map(|(name, mode)| ((*name).to_owned(), *mode)).collect();
    let fields = config::Fields {
        headers: Some(config::Headers { default_mode: default, names }),
        ..config::Fields::default()
    };
    let config = config::AccessLog {
        format: AccessLogFormat::Json,
        fields: Some(fields),
        ..config::AccessLog::default()
    };
    let written = line(&config, &entry_for(&config, &record, 200));
    let written: serde_json::Value = serde_json::from_str(&written).unwrap();
    let is_header = |name: &str| ["request_", "origin_", "downstream_"].iter().any(|p| name.starts_with(p));
    let found: Vec<(&str, &str)> = written
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| is_header(name))
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    assert_eq!(found, wanted);
}

#[test]
fn json_has_the_headers_that_are_kept() {
    check_headers(None, &[("x-A", Mode::Keep)], &[("request_X-A", "1,2")]);
    check_headers(
        Some(Mode::Keep),
        &[("X-B", Mode::Drop)],
        &[
            ("origin_Server", "s"),
            ("origin_Set-Cookie", "REDACTED"),
            ("request_Authorization", "REDACTED"),
            ("request_X-A", "1,2"),
        ],
    );
    check_headers(
        Some(Mode::Redact),
        &[("Authorization", Mode::Keep), ("Server", Mode::Drop), ("Set-Cookie", Mode::Drop)],
        &[
            ("downstream_X-B", "REDACTED"),
            ("request_Authorization", "Basic eA=="),
            ("request_X-A", "REDACTED"),
        ],
    );
    // Those that the text formats have, too, need no whole heads.
    check_headers(None, &[("Referer", Mode::Keep)], &[("request_Referer", "https://a.example/")]);
    check_headers(Some(Mode::Drop), &[], &[]);
}

#[test]
fn every_line_is_one_object() {
    let record = served(connection(true, false), "/");
    record.set_user("a\"\n");
    let config = config::AccessLog { format: AccessLogFormat::Json, ..config::AccessLog::default() };
    let entries = [entry(&record, 200), Entry::refused(&connection(false, true), Kind::UriTooLong, 1)];
    for entry in &entries {
        let line = line(&config, entry);
        assert_eq!(line.matches('\n').count(), 1);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(value["StartLocal"].is_string() && value["time"].is_string());
    }
}

// === what is written ===

fn filtered(filters: config::Filters) -> config::AccessLog {
    config::AccessLog { filters: Some(filters), ..config::AccessLog::default() }
}

#[track_caller]
fn check_kept(filters: &config::Filters, status: u16, retries: u32, millis: u64, wanted: bool) {
    let settings = Settings::new(&filtered(filters.clone())).unwrap();
    assert_eq!(settings.keeps(status, retries, Duration::from_millis(millis)), wanted);
}

#[test]
fn any_filter_that_holds_keeps_a_line() {
    let filters = config::Filters {
        status_codes: vec!["200".to_owned(), "500-599".to_owned()],
        retry_attempts: true,
        min_duration: document::scalar::Duration::from_millis(10),
    };
    check_kept(&filters, 200, 0, 1, true);
    check_kept(&filters, 201, 0, 1, false);
    check_kept(&filters, 599, 0, 1, true);
    check_kept(&filters, 404, 1, 1, true);
    check_kept(&filters, 404, 0, 10, false);
    check_kept(&filters, 404, 0, 11, true);
    check_kept(&config::Filters::default(), 404, 0, 1, true);
}

#[test]
fn a_filter_that_is_no_status_is_refused() {
    for text in ["2xx", "500-400", ""] {
        let filters = config::Filters { status_codes: vec![text.to_owned()], ..config::Filters::default() };
        let problem = Settings::new(&filtered(filters)).unwrap_err();
        assert_eq!(problem.path, "filters.statusCodes[0]");
    }
}

fn queue(config: &config::AccessLog) -> (Queue, tokio::sync::mpsc::Receiver<Entry>, Arc<AtomicU64>) {
    let dropped: Arc<AtomicU64> = Arc::default();
    let (queue, entries) =
        Queue::new(Settings::new(config).unwrap(), config.buffering_size, Arc::clone(&dropped));
    (queue, entries, dropped)
}

#[test]
fn internal_and_silenced_routes_leave_no_line() {
    for (add_internals, internal, access_logs, wanted) in
        [(false, false, true, 1), (false, true, true, 0), (true, true, true, 1), (false, false, false, 0)]
    {
        let (queue, mut entries, _) =
            queue(&config::AccessLog { add_internals, ..config::AccessLog::default() });
        let record = unrouted();
        record.route.replace(Some(route(internal, access_logs)));
        queue.finish(&record, 200, Duration::ZERO);
        assert_eq!(std::iter::from_fn(|| entries.try_recv().ok()).count(), wanted);
    }
}

#[test]
fn what_does_not_fit_is_dropped_and_counted() {
    let (queue, _entries, dropped) = queue(&config::AccessLog::default());
    let record = unrouted();
    for _ in 0..LEAST_QUEUE + 3 {
        queue.finish(&record, 404, Duration::ZERO);
    }
    assert_eq!(dropped.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn lines_are_written_flushed_and_go_to_the_reopened_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logs/access.log");
    let config =
        config::AccessLog { file_path: path.to_str().unwrap().to_owned(), ..config::AccessLog::default() };
    let telemetry = crate::Telemetry::start(Some(&config), None, &["web".into()]).unwrap();
    let recorder = telemetry.recorder();
    assert!(recorder.wants_seen());
    let patience = Duration::from_secs(10);
    let record = unrouted();
    record.status.set(Some(StatusCode::NOT_FOUND));
    recorder.finish(&record, Instant::now());
    telemetry.flush(patience).await;
    std::fs::rename(&path, folder.path().join("moved")).unwrap();
    telemetry.reopen();
    telemetry.flush(patience).await;
    recorder.finish(&record, Instant::now());
    recorder.finish(&record, Instant::now());
    telemetry.flush(patience).await;
    let lines = |path| std::fs::read_to_string(path).unwrap().lines().count();
    assert_eq!((lines(folder.path().join("moved")), lines(path)), (1, 2));
}
