//! One file → its part of the document. A mistake in an object breaks that object, and no other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use document::{Format, Member, Problem, Value, name, schema, template};
use dynamic::{Configuration, Element, Map, Source, name::SEPARATOR};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{NAME, companions};
use crate::files::Parsed;

/// What this provider reads.
const SECTIONS: [&str; 4] = ["http", "tcp", "udp", "tls"];

/// The install configuration may stand in the same file; it is read elsewhere.
const INSTALL_SECTIONS: [&str; 19] = [
    "global",
    "serversTransport",
    "tcpServersTransport",
    "entryPoints",
    "providers",
    "api",
    "metrics",
    "ping",
    "log",
    "accessLog",
    "tracing",
    "hostResolver",
    "certificatesResolvers",
    "experimental",
    "core",
    "spiffe",
    "ocsp",
    "cluster",
    "stores",
];

/// Reads a text.
///
/// # Errors
/// When it is no YAML, TOML or JSON at all.
pub(super) fn read(path: &Path, text: String, format: Format) -> Result<Parsed<Configuration>, Vec<Problem>> {
    let text = Arc::new(document::Source::new(path.display().to_string(), text));
    let (value, warnings) = text.parse(format)?;
    let mut reader =
        Reader { file: Arc::new(path.to_owned()), text, problems: warnings, companions: BTreeSet::new() };
    let mut configuration = reader.document(&value);
    configuration.problems = reader.problems;
    Ok(Parsed { content: configuration, companions: reader.companions })
}

struct Reader {
    file: Arc<PathBuf>,
    text: Arc<document::Source>,
    problems: Vec<Problem>,
    companions: BTreeSet<PathBuf>,
}

// === impl Reader ===

impl Reader {
    fn document(&mut self, value: &Value) -> Configuration {
        let mut configuration = Configuration::default();
        if !self.is_mapping(value, "the document") {
            return configuration;
        }
        for member in value.members() {
            let is = |section: &&str| section.eq_ignore_ascii_case(&member.key);
            match SECTIONS.into_iter().find(is) {
                Some("http") => self.http(member, &mut configuration.http),
                Some("tcp") => self.tcp(member, &mut configuration.tcp),
                Some("udp") => self.udp(member, &mut configuration.udp),
                Some(_) => self.tls(member, &mut configuration.tls),
                None if INSTALL_SECTIONS.iter().any(is) => {}
                None => self.unknown(member, "", &SECTIONS),
            }
        }
        configuration
    }

    fn http(&mut self, section: &Member, http: &mut dynamic::http::Http) {
        let known = ["routers", "services", "middlewares", "serversTransports"];
        for (part, member) in self.parts(section, &known) {
            match part {
                "routers" => http.routers = self.objects(member, "router"),
                "services" => http.services = self.objects(member, "service"),
                "middlewares" => http.middlewares = self.objects(member, "middleware"),
                _ => http.servers_transports = self.objects(member, "servers transport"),
            }
        }
    }

    fn tcp(&mut self, section: &Member, tcp: &mut dynamic::layer4::Tcp) {
        let known = ["routers", "services", "middlewares", "serversTransports"];
        for (part, member) in self.parts(section, &known) {
            match part {
                "routers" => tcp.routers = self.objects(member, "TCP router"),
                "services" => tcp.services = self.objects(member, "TCP service"),
                "middlewares" => tcp.middlewares = self.objects(member, "TCP middleware"),
                _ => tcp.servers_transports = self.objects(member, "TCP servers transport"),
            }
        }
    }

    fn udp(&mut self, section: &Member, udp: &mut dynamic::layer4::Udp) {
        for (part, member) in self.parts(section, &["routers", "services"]) {
            match part {
                "routers" => udp.routers = self.objects(member, "UDP router"),
                _ => udp.services = self.objects(member, "UDP service"),
            }
        }
    }

    fn tls(&mut self, section: &Member, tls: &mut dynamic::layer4::Tls) {
        for (part, member) in self.parts(section, &["certificates", "options", "stores"]) {
            match part {
                "options" => tls.options = self.objects(member, "TLS options"),
                "stores" => tls.stores = self.objects(member, "TLS store"),
                _ => tls.certificates = self.certificates(member),
            }
        }
    }

    fn certificates(&mut self, member: &Member) -> Vec<Arc<Element<tls::CertificateConfig>>> {
        if !matches!(member.value.kind, document::Kind::Sequence(_) | document::Kind::Null) {
            self.complain(member, format!("`{}` is a list, not {}", member.key, member.value.kind));
        }
        let schema = schema::Schema::of::<tls::CertificateConfig>();
        let items = member.value.items().iter().enumerate();
        items
            .map(|(index, item)| self.element(item, &schema, &format!("tls.certificates[{index}]")))
            .collect()
    }

    /// The parts of a section that are known, each with its name as it should be written.
    fn parts<'a>(&mut self, section: &'a Member, known: &[&'static str]) -> Vec<(&'static str, &'a Member)> {
        let mut parts = Vec::new();
        if !self.is_mapping(&section.value, &format!("`{}`", section.key)) {
            return parts;
        }
        for member in section.value.members() {
            match known.iter().find(|part| part.eq_ignore_ascii_case(&member.key)) {
                Some(part) => parts.push((*part, member)),
                None => self.unknown(member, &section.key, known),
            }
        }
        parts
    }

    /// All objects of one kind, by name.
    fn objects<T: DeserializeOwned + JsonSchema + 'static>(
        &mut self,
        section: &Member,
        kind: &str,
    ) -> Map<T> {
        let mut objects = Map::new();
        if !self.is_mapping(&section.value, &format!("`{}`", section.key)) {
            return objects;
        }
        let schema = schema::Schema::of::<T>();
        for member in section.value.members() {
            if member.key.contains(SEPARATOR) {
                self.complain(member, format!("`@` cannot be part of a name: `{}`", member.key));
                continue;
            }
            let object = match kind {
                "TLS options" | "TLS store" if member.key == tls::config::DEFAULT => {
                    format!("{kind} `default`")
                }
                _ => format!("{kind} `{}@{NAME}`", member.key),
            };
            objects.insert(member.key.as_str().into(), self.element(&member.value, &schema, &object));
        }
        objects
    }

    fn element<T: DeserializeOwned>(
        &mut self,
        value: &Value,
        schema: &schema::Schema,
        object: &str,
    ) -> Arc<Element<T>> {
        let companions = companions::named(value);
        let source = Source {
            file: Some(Arc::clone(&self.file)),
            tree: Some(Arc::new(value.clone().into())),
            text: Some(Arc::clone(&self.text)),
            object: None,
            files_digest: companions::digest(companions.iter().map(PathBuf::as_path)),
        };
        self.companions.extend(companions);
        let (config, mut problems) = schema::read_with(schema, value);
        problems.extend(template::actions(value));
        let is_broken = problems.iter().any(Problem::is_error);
        let problems = problems.into_iter().map(|problem| source.attach(problem).in_object(object)).collect();
        Arc::new(Element { config: config.filter(|_| !is_broken), problems, source })
    }

    fn is_mapping(&mut self, value: &Value, what: &str) -> bool {
        let is_mapping = value.is_mapping();
        if !is_mapping && !value.is_null() {
            let problem =
                Problem::error("wrong_type", format_args!("{what} is a mapping, not {}", value.kind));
            self.problems.push(self.text.show(problem, value.place));
        }
        is_mapping
    }

    fn unknown(&mut self, member: &Member, section: &str, known: &[&str]) {
        let message = match section {
            "" => format!("unknown section `{}`", member.key),
            _ => format!("unknown key `{}` in `{section}`", member.key),
        };
        let problem = Problem::error(schema::UNKNOWN_KEY, message)
            .with_path(document::problem::join(section, &member.key))
            .did_you_mean(name::nearest(&member.key, known.iter().copied()));
        self.problems.push(self.text.show(problem, member.key_place));
    }

    fn complain(&mut self, member: &Member, message: String) {
        let problem = Problem::error("invalid_value", message).at(self.text.origin(member.key_place));
        self.problems.push(problem);
    }
}
