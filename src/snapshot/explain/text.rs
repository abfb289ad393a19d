//! An explanation for people.

use std::fmt;
use std::net::Ipv6Addr;

use super::{Candidate, Explanation, Outcome, OutcomeKind};

/// Column of the values.
const INDENT: usize = 13;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = &self.request;
        let query = asked.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        // An IPv6 address; one that was given with brackets and has stayed as it was, has them.
        let is_bare = asked.host.contains(':') && asked.host.parse::<Ipv6Addr>().is_ok();
        let (open, close) = if is_bare { ("[", "]") } else { ("", "") };
        writeln!(
            f,
            "{} {}://{open}{}{close}{}{query} from {}\n",
            asked.method, asked.scheme, asked.host, asked.path, asked.client
        )?;
        if let Some(path) = &asked.routing_path {
            line(f, "rules see", path)?;
        }
        line(f, "entry point", &self.entry_point)?;
        if let Some(tls) = &self.tls {
            let certificate = tls.certificate.as_ref().map_or_else(
                || "no certificate".to_owned(),
                |c| format!("certificate `{}` for {}, until {}", c.name, c.names.join(", "), c.not_after),
            );
            line(f, "TLS", &format!("options `{}`, {certificate}", tls.options))?;
        }
        for (index, candidate) in self.candidates.iter().enumerate() {
            line(f, if index == 0 { "asked" } else { "" }, &self.candidate(candidate))?;
        }
        if self.omitted > 0 {
            line(f, "", &format!("… and {} of other hosts", self.omitted))?;
        }
        line(f, "router", self.router.as_deref().unwrap_or("none"))?;
        if let Some(origin) = self.origin() {
            line(f, "", &origin)?;
        }
        for (index, middleware) in self.middlewares.iter().enumerate() {
            let text = format!("{} ({}): {}", middleware.name, middleware.kind, middleware.effect);
            line(f, if index == 0 { "middlewares" } else { "" }, &text)?;
        }
        if let Some(service) = &self.service {
            line(f, "service", service)?;
        }
        for server in &self.servers {
            line(f, "", &format!("{} weight {}, {}", server.url, server.weight, server.status))?;
        }
        write!(f, "{:INDENT$}{}", "outcome", self.outcome)
    }
}

impl Explanation {
    fn candidate(&self, candidate: &Candidate) -> String {
        let is_chosen = self.router.as_ref() == Some(&candidate.router);
        let verdict = match candidate.not_asked.as_ref().or(candidate.failed.as_ref()) {
            None if is_chosen => "matches".to_owned(),
            None => "matches too, but is asked later".to_owned(),
            Some(why) => format!("no: {why}"),
        };
        format!("{} (priority {}): {verdict}", candidate.router, candidate.priority)
    }

    fn origin(&self) -> Option<String> {
        let source = self.source.as_ref()?;
        let mut text = match (&source.kind, &source.namespace) {
            (Some(kind), Some(namespace)) => format!("from {kind} {namespace}/{}", source.name),
            _ => format!("from the provider `{}`", source.provider),
        };
        if let Some(file) = &source.file {
            text.push_str(&format!(", {file}"));
            if let Some(line) = source.line {
                text.push_str(&format!(":{line}"));
            }
        }
        Some(text)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            OutcomeKind::Forwarded => "forwarded to one of the servers",
            OutcomeKind::Answered => "answered by the gateway",
            OutcomeKind::Refused => "refused",
            OutcomeKind::Closed => "the connection is closed",
        })?;
        if let Some(status) = self.status {
            write!(f, " with {status}")?;
        }
        match &self.reason {
            Some(reason) if self.kind == OutcomeKind::Forwarded => write!(f, " {reason}"),
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

fn line(f: &mut fmt::Formatter<'_>, label: &str, value: &str) -> fmt::Result {
    writeln!(f, "{label:INDENT$}{value}")
}
