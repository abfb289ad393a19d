//! From the install configuration to what the crates are built with; the same for serving, `check` and `explain`.

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use document::Problem;
use dynamic::Configuration;
use dynamic::http::{Observability, RouterTls, TraceVerbosity};
use dynamic::merge::{EntryPoint, Model};
use entrypoint::Listen;
use entrypoint::address::{Address, Host};
use entrypoint::config::{self, UnderscoreHeaders};
use entrypoint::settings::{Forwarded, HEADER_BYTES, HEADER_FIELDS, Http2, Settings};
use exchange::admission::{Admission, EncodedCharacters, Underscores};
use provider::internal::Redirection;

use crate::install::Install;

/// What routers inherit from entry points.
pub(crate) fn entry_points(install: &Install) -> Vec<EntryPoint> {
    let defaults = install.default_entry_points();
    let entry_point = |(name, config): (&String, &config::Config)| EntryPoint {
        name: name.as_str().into(),
        is_default: defaults.contains(&name.as_str()),
        is_udp: config.address().is_ok_and(|address| address.is_udp()),
        model: model(config),
    };
    install.entry_points.iter().map(entry_point).collect()
}

fn model(config: &config::Config) -> Model {
    let domain = |domain: &config::Domain| dynamic::http::Domain {
        main: domain.main.clone(),
        sans: domain.sans.clone(),
    };
    let observability = &config.observability;
    Model {
        middlewares: config.http.middlewares.clone(),
        tls: config.http.tls.as_ref().map(|tls| {
            Box::new(RouterTls {
                options: tls.options.clone(),
                cert_resolver: tls.cert_resolver.clone(),
                domains: tls.domains.iter().map(domain).collect(),
            })
        }),
        // What a router has anyway is not said: a model makes a copy of the router for each entry point.
        observability: Observability {
            access_logs: (!observability.access_logs).then_some(false),
            metrics: (!observability.metrics).then_some(false),
            tracing: (!observability.tracing).then_some(false),
            trace_verbosity: match observability.trace_verbosity {
                config::TraceVerbosity::Minimal => None,
                config::TraceVerbosity::Detailed => Some(TraceVerbosity::Detailed),
            },
        },
    }
}

/// The routers of the gateway's own services, and the redirections of whole entry points.
pub(crate) fn internal(install: &Install, entry_points: &[EntryPoint]) -> Configuration {
    let names: Vec<Arc<str>> = entry_points.iter().map(|entry_point| Arc::clone(&entry_point.name)).collect();
    let prometheus = install.metrics.as_ref().and_then(|metrics| metrics.prometheus.as_ref());
    let mut document =
        api::internal::document(install.api.as_ref(), install.ping.as_ref(), prometheus, &names);
    let redirections: Vec<Redirection> =
        install.entry_points.iter().filter_map(|(name, config)| redirection(install, name, config)).collect();
    provider::internal::redirect(&mut document, &redirections);
    document
}

fn redirection(install: &Install, name: &str, config: &config::Config) -> Option<Redirection> {
    let written = config.http.redirections.entry_point.as_ref()?;
    Some(Redirection {
        from: name.into(),
        to: written.to.clone(),
        port: port_of(install, &written.to)?,
        scheme: written.scheme.clone(),
        permanent: written.permanent,
        priority: written.priority,
    })
}

/// The port of an entry point, or the one written as `:443`.
fn port_of(install: &Install, to: &str) -> Option<u16> {
    match to.strip_prefix(':') {
        Some(port) => port.parse().ok(),
        None => install.entry_points.get(to)?.address().ok().map(|address| address.port),
    }
}

/// What an entry point's configuration comes to.
///
/// # Errors
/// When a network or a header name in it is none.
pub(crate) fn settings(config: &config::Config, install: &Install) -> Result<Settings, Problem> {
    let timeouts = &config.transport.responding_timeouts;
    let life_cycle = &config.transport.life_cycle;
    let http = &config.http;
    let written = http.max_header_bytes.and_then(document::ByteSize::limit);
    let (bytes, fields) = match written {
        None => (HEADER_BYTES, HEADER_FIELDS),
        // Whoever wants more bytes may want more fields, too.
        Some(bytes) => {
            let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
            (bytes, HEADER_FIELDS.max(bytes / (HEADER_BYTES / HEADER_FIELDS)))
        }
    };
    Ok(Settings {
        read_timeout: timeouts.read_timeout.positive(),
        write_timeout: timeouts.write_timeout.positive(),
        idle_timeout: timeouts.idle_timeout.positive(),
        keep_alive_max_requests: config.transport.keep_alive_max_requests,
        keep_alive_max_time: config.transport.keep_alive_max_time.positive(),
        request_accept_grace: life_cycle.request_accept_grace_timeout.positive().unwrap_or(Duration::ZERO),
        grace: life_cycle.grace_time_out.positive().unwrap_or(Duration::ZERO),
        max_header_bytes: bytes,
        max_header_fields: fields,
        admission: admission(config),
        forwarded: forwarded(config, install)?,
        http2: Http2 {
            max_concurrent_streams: config.http2.max_concurrent_streams,
            max_decoder_header_table_size: config.http2.max_decoder_header_table_size,
            extended_connect: config.http2.extended_connect,
        },
    })
}

/// What each entry point lets in, for whoever explains.
pub(crate) fn admissions(install: &Install) -> Arc<BTreeMap<Arc<str>, Admission>> {
    let admissions =
        install.entry_points.iter().map(|(name, config)| (name.as_str().into(), admission(config)));
    Arc::new(admissions.collect())
}

fn admission(config: &config::Config) -> Admission {
    let http = &config.http;
    Admission {
        target: exchange::canonical::Rules {
            sanitize_path: http.sanitize_path,
            encode_query_semicolons: http.encode_query_semicolons,
        },
        underscores: match http.underscore_headers_strategy {
            UnderscoreHeaders::Keep => Underscores::Keep,
            UnderscoreHeaders::Delete => Underscores::Delete,
            UnderscoreHeaders::Reject => Underscores::Reject,
        },
        encoded: encoded(&http.encoded_characters),
    }
}

fn encoded(config: &config::EncodedCharacters) -> EncodedCharacters {
    let all = [
        (config.allow_encoded_slash, "%2F"),
        (config.allow_encoded_back_slash, "%5C"),
        (config.allow_encoded_null_character, "%00"),
        (config.allow_encoded_semicolon, "%3B"),
        (config.allow_encoded_percent, "%25"),
        (config.allow_encoded_question_mark, "%3F"),
        (config.allow_encoded_hash, "%23"),
    ];
    EncodedCharacters {
        refused: all.into_iter().filter_map(|(allowed, escape)| (!allowed).then_some(escape)).collect(),
    }
}

fn forwarded(config: &config::Config, install: &Install) -> Result<Forwarded, Problem> {
    let headers = &config.forwarded_headers;
    let connection = headers.connection.iter().enumerate().map(|(place, name)| {
        name.trim().parse().map_err(|_invalid| {
            Problem::field(
                format!("forwardedHeaders.connection[{place}]"),
                format_args!("`{name}` is no header name"),
            )
        })
    });
    Ok(Forwarded {
        insecure: headers.insecure,
        trusted: config::networks(&headers.trusted_ips)
            .map_err(|p| p.under("forwardedHeaders.trustedIPs"))?,
        connection: connection.collect::<Result<_, _>>()?,
        not_append_for: headers.not_append_x_forwarded_for || install.global.not_append_x_forwarded_for,
        add_scheme: headers.add_x_forwarded_scheme_headers,
    })
}

/// Where an entry point listens.
///
/// # Errors
/// When its host is a name that has no address.
pub(crate) fn listen(
    config: &config::Config,
    address: &Address,
    install: &Install,
) -> std::io::Result<Listen> {
    let host = match &address.host {
        Host::Any => None,
        Host::Ip(ip) => Some(*ip),
        Host::Name(name) => {
            let mut found = (name.as_str(), address.port).to_socket_addrs()?;
            Some(found.next().as_ref().map(SocketAddr::ip).ok_or(std::io::ErrorKind::AddrNotAvailable)?)
        }
    };
    Ok(Listen {
        host,
        port: address.port,
        reuse_port: config.reuse_port,
        shared: install.core.shared_listener,
    })
}
