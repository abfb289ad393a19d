//! One event as text: as zerolog's console writer shows it, or as one JSON object.

use std::fmt::{Debug, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata};

use crate::clock::Moment;

/// How a line looks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Style {
    Common { coloured: bool },
    Json,
}

/// What an event holds, sorted by name.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, Value)>,
}

enum Value {
    Text(String),
    /// A number or a truth value: no quotes.
    Plain(String),
}

/// Traefik's names of what events speak of; ours are shorter.
const NAMES: [(&str, &str); 6] = [
    ("router", "routerName"),
    ("service", "serviceName"),
    ("entry_point", "entryPointName"),
    ("provider", "providerName"),
    ("middleware", "middlewareName"),
    ("middleware_type", "middlewareType"),
];

/// A line with its end.
pub(super) fn format(event: &Event<'_>, style: Style, now: Moment) -> String {
    let mut fields = Fields::default();
    event.record(&mut fields);
    fields.others.sort_by_key(|(name, _)| (*name != "error", *name));
    let mut line = String::with_capacity(160);
    match style {
        Style::Common { coloured } => common(&mut line, event.metadata(), &fields, now, coloured),
        Style::Json => json(&mut line, event.metadata(), &fields, now),
    }
    line.push('\n');
    line
}

fn common(out: &mut String, metadata: &Metadata<'_>, fields: &Fields, now: Moment, coloured: bool) {
    let paint = |out: &mut String, code: &str| {
        if coloured {
            let _ = write!(out, "\x1b[{code}m");
        }
    };
    paint(out, "90");
    now.write_rfc3339(out);
    paint(out, "0");
    let (word, colour) = match *metadata.level() {
        Level::TRACE => ("TRC", "34"),
        Level::DEBUG => ("DBG", "0"),
        Level::INFO => ("INF", "32"),
        Level::WARN => ("WRN", "33"),
        Level::ERROR => ("ERR", "31"),
    };
    out.push(' ');
    paint(out, colour);
    out.push_str(word);
    paint(out, "0");
    if *metadata.level() >= Level::DEBUG {
        let _ = write!(out, " {}:{} >", metadata.target(), metadata.line().unwrap_or_default());
    }
    out.push(' ');
    paint(out, "1");
    push_without_controls(out, &fields.message);
    paint(out, "0");
    for (name, value) in &fields.others {
        out.push(' ');
        paint(out, if *name == "error" { "31" } else { "36" });
        let _ = write!(out, "{name}=");
        paint(out, "0");
        match value {
            Value::Text(text) if needs_quotes(text) => {
                let _ = write!(out, "{}", serde_json::Value::from(text.as_str()));
            }
            Value::Text(text) | Value::Plain(text) => out.push_str(text),
        }
    }
}

fn json(out: &mut String, metadata: &Metadata<'_>, fields: &Fields, now: Moment) {
    let level = match *metadata.level() {
        Level::TRACE => "trace",
        Level::DEBUG => "debug",
        Level::INFO => "info",
        Level::WARN => "warn",
        Level::ERROR => "error",
    };
    let _ = write!(out, "{{\"level\":\"{level}\"");
    if *metadata.level() >= Level::DEBUG {
        let _ = write!(out, ",\"caller\":\"{}:{}\"", metadata.target(), metadata.line().unwrap_or_default());
    }
    for (name, value) in &fields.others {
        let _ = match value {
            Value::Text(text) => write!(out, ",\"{name}\":{}", serde_json::Value::from(text.as_str())),
            Value::Plain(text) => write!(out, ",\"{name}\":{text}"),
        };
    }
    out.push_str(",\"time\":\"");
    now.write_rfc3339(out);
    let _ = write!(out, "\",\"message\":{}}}", serde_json::Value::from(fields.message.as_str()));
}

fn needs_quotes(text: &str) -> bool {
    text.is_empty() || text.bytes().any(|byte| !(0x21..=0x7e).contains(&byte) || matches!(byte, b'"' | b'\\'))
}

/// One event is one line.
fn push_without_controls(out: &mut String, text: &str) {
    out.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
}

// === impl Fields ===

impl Fields {
    fn push(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::Text(text) | Value::Plain(text)) => self.message = text,
            // Where the event came from, of events that came through the `log` crate.
            (name, _) if name.starts_with("log.") => {}
            (name, value) => {
                let name = NAMES.iter().find(|(ours, _)| *ours == name).map_or(name, |(_, theirs)| theirs);
                self.others.push((name, value));
            }
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.push(field, Value::Text(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, Value::Text(value.to_owned()));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.push(field, Value::Text(crate::chain(value).to_string()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, Value::Plain(value.to_string()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, Value::Plain(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, Value::Plain(value.to_string()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no infinity.
        let text = value.to_string();
        self.push(field, if value.is_finite() { Value::Plain(text) } else { Value::Text(text) });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

    use super::*;

    struct Last(Arc<Mutex<String>>, Style);

    impl<S: tracing::Subscriber> Layer<S> for Last {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let now = Moment { seconds: 1_700_000_000, nanos: 0, offset: 0 };
            *self.0.lock().unwrap() = format(event, self.1, now);
        }
    }

    fn line(style: Style, say: impl FnOnce()) -> String {
        let last = Arc::default();
        let subscriber = tracing_subscriber::registry().with(Last(Arc::clone(&last), style));
        tracing::subscriber::with_default(subscriber, say);
        last.lock().unwrap().clone()
    }

    const COMMON: Style = Style::Common { coloured: false };

    #[test]
    fn common_lines_look_like_those_of_zerolog() {
        let got = line(COMMON, || tracing::info!(service = %"shop@file", count = 3, "endpoint is down"));
        assert_eq!(got, "2023-11-14T22:13:20Z INF endpoint is down count=3 serviceName=shop@file\n");
        let got = line(COMMON, || tracing::error!(path = "/a b", error = "no \"file\"", "failed"));
        assert_eq!(got, "2023-11-14T22:13:20Z ERR failed error=\"no \\\"file\\\"\" path=\"/a b\"\n");
    }

    #[test]
    fn debug_lines_say_where_they_come_from() {
        let got = line(COMMON, || tracing::debug!(target: "entrypoint::accept", "closed"));
        assert!(got.starts_with("2023-11-14T22:13:20Z DBG entrypoint::accept:"), "{got}");
        assert!(got.ends_with(" > closed\n"), "{got}");
    }

    #[test]
    fn json_lines_have_the_names_of_traefik() {
        let got = line(Style::Json, || {
            tracing::warn!(
                router = "r@file",
                up = false,
                error = "a\nb",
                entry_point = "web",
                "router is disabled"
            );
        });
        assert_eq!(
            got,
            r#"{"level":"warn","error":"a\nb","entryPointName":"web","routerName":"r@file","up":false,"time":"2023-11-14T22:13:20Z","message":"router is disabled"}"#
                .to_owned()
                + "\n"
        );
    }

    #[test]
    fn a_message_stays_on_its_line() {
        let got = line(COMMON, || tracing::info!("a\nb{}", "\x1b"));
        assert_eq!(got, "2023-11-14T22:13:20Z INF a b \n");
    }

    #[test]
    fn colours_where_they_are_wanted() {
        let got = line(Style::Common { coloured: true }, || tracing::info!(a = 1, "x"));
        assert_eq!(
            got,
            "\x1b[90m2023-11-14T22:13:20Z\x1b[0m \x1b[32mINF\x1b[0m \x1b[1mx\x1b[0m \x1b[36ma=\x1b[0m1\n"
        );
    }
}
