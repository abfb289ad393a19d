//! The same question to a running gateway, by its API.

use std::time::Duration;

use snapshot::explain::Question;

use super::Options;
use crate::client;
use crate::command::Output;

/// A gateway with a hundred thousand routes answers within a second.
const PATIENCE: Duration = Duration::from_secs(15);

/// Asks `GET /api/explain`.
pub(super) fn ask(api: &str, options: &Options, question: &Question) -> Result<String, String> {
    let url = url(api, options, question);
    let answer =
        client::ask("GET", &url, PATIENCE).map_err(|error| format!("error: {}", telemetry::chain(&error)))?;
    let json: Option<serde_json::Value> = serde_json::from_str(&answer.body).ok();
    match (answer.status, json) {
        (200, Some(json)) => serde_json::to_string_pretty(&json).map_err(|error| format!("error: {error}")),
        (200, None) if options.output == Output::Human => Ok(answer.body),
        (status, Some(json)) if json.get("message").is_some() => {
            let message = json.get("message").and_then(|message| message.as_str()).unwrap_or_default();
            Err(format!("error: the gateway answers {status}: {message}"))
        }
        _ => Err(format!(
            "error: `{api}` answers {answer}, which is not the API of a gateway\n\
             hint: give the address of the entry point that serves it, as in http://127.0.0.1:8080"
        )),
    }
}

/// Where to ask, with the whole question. The host is the one that routing reads; the name of the handshake goes
/// beside it where it is another.
fn url(api: &str, options: &Options, question: &Question) -> String {
    let base = api.trim_end_matches('/');
    let base = base.strip_suffix("/api").unwrap_or(base);
    let mut url = format!("{base}/api/explain?");
    let mut put = |name: &str, value: &str| {
        if !url.ends_with('?') {
            url.push('&');
        }
        url.push_str(name);
        url.push('=');
        escape(value.as_bytes(), &mut url);
    };
    let scheme = if question.secure { "https" } else { "http" };
    put("url", &format!("{scheme}://{}{}", question.host, question.target));
    put("method", question.method.as_str());
    for (name, value) in &question.headers {
        put("header", &format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
    }
    options.client_ip.iter().for_each(|ip| put("clientIp", &ip.to_string()));
    if question.secure {
        question.sni.iter().for_each(|sni| put("sni", sni));
    }
    options.entrypoint.iter().for_each(|name| put("entryPoint", name));
    if options.output == Output::Human {
        put("output", "human");
    }
    url
}

/// As a value in a query.
fn escape(value: &[u8], out: &mut String) {
    for &byte in value {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::install::Install;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn check(line: &[&str], expected: &str) {
        let Line { options } = Line::parse_from(std::iter::once("explain").chain(line.iter().copied()));
        let api = options.api.clone().unwrap();
        let question = options.question(&Install::default()).unwrap_or_else(|_| panic!("no question"));
        assert_eq!(url(&api, &options, &question), expected);
    }

    #[test]
    fn the_question_goes_into_the_query() {
        check(
            &[
                "--api",
                "http://a:8080/",
                "http://b/c?d=e&f",
                "-H",
                "X-A: ä b",
                "--client-ip",
                "::1",
                "--output",
                "json",
            ],
            "http://a:8080/api/explain?url=http%3A%2F%2Fb%2Fc%3Fd%3De%26f&method=GET&header=x-a%3A%20%C3%A4%20b&clientIp=%3A%3A1",
        );
        check(
            &[
                "--api",
                "http://a/base/api",
                "https://b/",
                "-X",
                "PUT",
                "-H",
                "Host: c",
                "--entrypoint",
                "web",
            ],
            "http://a/base/api/explain?url=https%3A%2F%2Fc%2F&method=PUT&sni=b&entryPoint=web&output=human",
        );
    }
}
