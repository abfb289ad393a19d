//! `portcullis healthcheck` — asks the ping of a gateway with this configuration, as Traefik's command does.
//!
//! For the health checks of containers: 0 when it answers 200, else 1.

use std::process::ExitCode;
use std::time::Duration;

use entrypoint::address::{Address, Host};

use crate::client;
use crate::install::{self, Install};
use crate::offline;
use crate::printing::{complain, say};

/// As long as Traefik waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// `args` are those of the gateway: the same flags, file and environment.
pub(crate) fn run(args: &[String]) -> ExitCode {
    let env = offline::environment();
    let install = match install::load(args, env) {
        Ok(loaded) => loaded.install,
        Err(problems) => {
            problems.iter().for_each(complain);
            return ExitCode::FAILURE;
        }
    };
    let asked = url(&install).and_then(|url| {
        let answer = client::ask_ourselves("HEAD", &url, PATIENCE)
            .map_err(|error| telemetry::chain(&error).to_string())?;
        Ok((url, answer))
    });
    match asked {
        Ok((url, answer)) if answer.status == 200 => {
            say(format_args!("OK: {url}"));
            ExitCode::SUCCESS
        }
        Ok((_, answer)) => {
            say(format_args!("Bad healthcheck status: {answer}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            say(format_args!("Error calling healthcheck: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Where the ping of this configuration is.
fn url(install: &Install) -> Result<String, String> {
    let ping = install.ping.as_ref().ok_or("please enable `ping` to use health check")?;
    let name = match ping.entry_point.as_str() {
        "" => install::INTERNAL_ENTRY_POINT,
        name => name,
    };
    let entry_point =
        install.entry_points.get(name).ok_or_else(|| format!("ping: missing `{name}` entry point"))?;
    let address = entry_point.address().map_err(|error| error.to_string())?;
    let scheme = if entry_point.http.tls.is_some() { "https" } else { "http" };
    Ok(format!("{scheme}://{}/ping", reachable(&address)))
}

/// An address on which a listener of this one is reached from the same machine.
fn reachable(address: &Address) -> String {
    let port = address.port;
    match &address.host {
        Host::Any => format!("127.0.0.1:{port}"),
        Host::Ip(ip) if ip.is_unspecified() && ip.is_ipv4() => format!("127.0.0.1:{port}"),
        Host::Ip(ip) if ip.is_unspecified() => format!("[::1]:{port}"),
        Host::Ip(ip) if ip.is_ipv6() => format!("[{ip}]:{port}"),
        Host::Ip(ip) => format!("{ip}:{port}"),
        Host::Name(name) => format!("{name}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use document::Format;

    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let (install, problems) = install::read_text("test.yml", text, Format::Yaml);
        let install = install.unwrap_or_else(|| panic!("{problems:?}"));
        assert_eq!(url(&install).as_deref().map_err(String::as_str), expected, "{text}");
    }

    #[test]
    fn asks_where_the_ping_is() {
        check("ping: {}\n", Ok("http://127.0.0.1:8080/ping"));
        check("ping: {entryPoint: a}\nentryPoints: {a: {address: '[::]:90'}}\n", Ok("http://[::1]:90/ping"));
        check("ping: {entryPoint: a}\nentryPoints: {a: {address: 'gw:90'}}\n", Ok("http://gw:90/ping"));
        check(
            "ping: {entryPoint: a}\nentryPoints: {a: {address: '10.0.0.1:90'}}\n",
            Ok("http://10.0.0.1:90/ping"),
        );
    }

    #[test]
    fn asks_over_tls_where_the_ping_has_it() {
        let text = "ping: {entryPoint: a}\nentryPoints: {a: {address: ':90', http: {tls: {}}}}\n";
        check(text, Ok("https://127.0.0.1:90/ping"));
    }

    #[test]
    fn says_what_is_missing() {
        check("{}\n", Err("please enable `ping` to use health check"));
        check("ping: {manualRouting: true}\n", Err("ping: missing `traefik` entry point"));
    }
}
