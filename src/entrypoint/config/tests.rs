//! The names and defaults of an entry point, and what is said of mistakes.

use document::Format;

use super::*;

fn read(text: &str) -> (Option<Config>, Vec<String>) {
    let (value, _) = document::parse(text, Format::Yaml).unwrap();
    let (config, mut problems) = document::schema::read::<Config>(&value);
    problems.extend(config.iter().flat_map(Config::check));
    (config, problems.iter().map(Problem::summary).collect())
}

#[test]
fn defaults_are_those_of_traefik() {
    let (config, problems) = read("address: ':80'\n");
    assert_eq!(problems, [""; 0]);
    let config = config.unwrap();
    assert!(config.http.sanitize_path && config.http.encoded_characters.allow_encoded_hash);
    assert_eq!(config.transport.life_cycle.grace_time_out, Duration::from_secs(10));
    assert_eq!(config.transport.responding_timeouts.idle_timeout, Duration::from_secs(180));
    assert_eq!(config.http2.max_concurrent_streams, 250);
    assert_eq!(config.address().unwrap().port, 80);
}

#[test]
fn names_are_those_of_traefik() {
    let text = "
address: ':443'
asDefault: true
reusePort: true
allowACMEByPass: true
transport:
  lifeCycle: {requestAcceptGraceTimeout: 5, graceTimeOut: 30s}
  respondingTimeouts: {readTimeout: 0, writeTimeout: 1m, idleTimeout: 2m}
  keepAliveMaxTime: 1h
  keepAliveMaxRequests: 100
proxyProtocol: {insecure: false, trustedIPs: [10.0.0.0/8]}
forwardedHeaders: {insecure: false, trustedIPs: '10.0.0.0/8,::1', connection: [foo], notAppendXForwardedFor: true}
http:
  redirections: {entryPoint: {to: websecure, scheme: https, permanent: false, priority: 10}}
  middlewares: [auth@file]
  tls: {options: modern, certResolver: le, domains: [{main: example.com, sans: ['*.example.com']}]}
  encodedCharacters: {allowEncodedSlash: false, allowEncodedBackSlash: false, allowEncodedNullCharacter: false,
    allowEncodedSemicolon: false, allowEncodedPercent: false, allowEncodedQuestionMark: false, allowEncodedHash: false}
  encodeQuerySemicolons: true
  sanitizePath: false
  maxHeaderBytes: 8192
  underscoreHeadersStrategy: reject
http2: {maxConcurrentStreams: 10, maxDecoderHeaderTableSize: 1, maxEncoderHeaderTableSize: 1, extendedConnect: true}
http3: {advertisedPort: 443}
udp: {timeout: 10s}
observability: {accessLogs: false, metrics: false, tracing: false, traceVerbosity: detailed}
";
    let (config, problems) = read(text);
    assert_eq!(problems, [""; 0]);
    let config = config.unwrap();
    assert_eq!(networks(&config.forwarded_headers.trusted_ips).unwrap().len(), 2);
    assert_eq!(config.http.underscore_headers_strategy, UnderscoreHeaders::Reject);
}

#[test]
fn everything_wrong_is_said() {
    let text = "
address: '80'
forwardedHeaders: {trustedIPs: [10.0.0.0/8, nowhere]}
http: {redirections: {entryPoint: {to: ':x'}}}
";
    assert_eq!(
        read(text).1,
        [
            "`80` has no port: write `:80` if that is the port (address)",
            "`nowhere` is not an address or a network (forwardedHeaders.trustedIPs[1]); write it as `10.0.0.0/8` or `192.0.2.1`",
            "`:x` is not a port (http.redirections.entryPoint.to)",
        ]
    );
    assert_eq!(read("{}").1, ["the entry point has no `address`; write `address: \":80\"`"]);
}
