//! The parts of all files → one document. Where two files define the same name the first is kept.

use std::path::Path;

use document::Problem;
use dynamic::{Configuration, Map};

use super::NAME;
use crate::files::Files;

pub(super) fn combine(files: &Files<Configuration>) -> Configuration {
    let mut whole = Configuration::default();
    add_all(&mut whole, files);
    whole
}

pub(super) fn add_all(whole: &mut Configuration, files: &Files<Configuration>) {
    whole.problems.extend(files.problems().cloned());
    for (path, part) in files.contents() {
        add(whole, part, path);
    }
}

fn add(whole: &mut Configuration, part: &Configuration, path: &Path) {
    let problems = &mut whole.problems;
    problems.extend(part.problems.iter().cloned());
    fill(&mut whole.http.routers, &part.http.routers, "router", path, problems);
    fill(&mut whole.http.services, &part.http.services, "service", path, problems);
    fill(&mut whole.http.middlewares, &part.http.middlewares, "middleware", path, problems);
    let transports = (&mut whole.http.servers_transports, &part.http.servers_transports);
    fill(transports.0, transports.1, "servers transport", path, problems);
    fill(&mut whole.tcp.routers, &part.tcp.routers, "TCP router", path, problems);
    fill(&mut whole.tcp.services, &part.tcp.services, "TCP service", path, problems);
    fill(&mut whole.tcp.middlewares, &part.tcp.middlewares, "TCP middleware", path, problems);
    let transports = (&mut whole.tcp.servers_transports, &part.tcp.servers_transports);
    fill(transports.0, transports.1, "TCP servers transport", path, problems);
    fill(&mut whole.udp.routers, &part.udp.routers, "UDP router", path, problems);
    fill(&mut whole.udp.services, &part.udp.services, "UDP service", path, problems);
    fill(&mut whole.tls.options, &part.tls.options, "TLS options", path, problems);
    fill(&mut whole.tls.stores, &part.tls.stores, "TLS store", path, problems);
    whole.tls.certificates.extend(part.tls.certificates.iter().cloned());
}

fn fill<T>(whole: &mut Map<T>, part: &Map<T>, kind: &str, path: &Path, problems: &mut Vec<Problem>) {
    for (name, element) in part {
        let Some(first) = whole.get(name) else {
            whole.insert(name.clone(), element.clone());
            continue;
        };
        let file = first.source.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
        let message = format!("{kind} `{name}` is defined in {file} already, and that one is kept");
        let problem = Problem::error("duplicate", message).in_object(format!("{kind} `{name}@{NAME}`"));
        let problem = match element.source.file {
            Some(_) => element.source.attach(problem),
            None => problem.at(document::Origin::file(path.display().to_string())),
        };
        problems.push(problem);
    }
}
