//! `@internal`: redirections of whole entry points to others. Traefik, `http.redirections.entryPoint`.
//! The routers of the API, of probes and of metrics are made where these live.

use std::sync::Arc;

use dynamic::http::Router;
use dynamic::{Configuration, Element, Source};
use middleware::redirect_scheme;

use crate::kubernetes::name::normalize;

/// What follows `@` in names.
pub const NAME: &str = "internal";

/// Everything that comes in on `from` is sent to `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirection {
    pub from: Arc<str>,
    /// As it is written: the name of an entry point, or `:port`.
    pub to: String,
    /// The port that `to` stands for.
    pub port: u16,
    pub scheme: String,
    pub permanent: bool,
    pub priority: i64,
}

/// Adds the routers of redirections to a document.
pub fn redirect(document: &mut Configuration, redirections: &[Redirection]) {
    for redirection in redirections {
        let name = normalize(&format!("{}-to-{}", redirection.from, redirection.to));
        let middleware = format!("redirect-{name}");
        let router = Router {
            entry_points: vec![redirection.from.to_string()],
            rule: "HostRegexp(`^.+$`)".to_owned(),
            rule_syntax: "v3".to_owned(),
            priority: redirection.priority,
            middlewares: vec![middleware.clone()],
            service: "noop@internal".to_owned(),
            ..Router::default()
        };
        let config = middleware::Config::RedirectScheme(redirect_scheme::Config {
            scheme: redirection.scheme.clone(),
            port: redirection.port.to_string(),
            permanent: redirection.permanent,
        });
        document.http.routers.insert(name.into(), Arc::new(Element::new(router, Source::default())));
        document
            .http
            .middlewares
            .insert(middleware.into(), Arc::new(Element::new(config, Source::default())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_traefik() {
        let redirection = Redirection {
            from: "web".into(),
            to: ":8443".to_owned(),
            port: 8443,
            scheme: "https".to_owned(),
            permanent: true,
            priority: i64::MAX - 1,
        };
        let mut document = Configuration::default();
        redirect(&mut document, &[redirection]);
        let router = document.http.routers["web-to-8443"].config.as_ref().unwrap();
        assert_eq!(router.middlewares, ["redirect-web-to-8443"]);
        assert_eq!(router.service, "noop@internal");
        assert!(document.http.middlewares.contains_key("redirect-web-to-8443"));
    }
}
