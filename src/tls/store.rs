//! [`Certificates`]: everything of a snapshot that handshakes read.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use document::{FileOrContent, Origin, Problem};

use crate::certificate::{Certificate, CertificateInfo, LoadError, Pem};
use crate::config::{CertificateConfig, DEFAULT, OptionsConfig, StoreConfig};
use crate::digest::Digest;
use crate::generated;
use crate::options::{Options, ServerConfig};
use crate::resolver::Index;

/// Certificates and options, compiled. Immutable; what did not change is shared with the one before.
#[derive(Debug)]
pub struct Certificates {
    index: Arc<Index>,
    options: BTreeMap<String, Result<Ready, Refused>>,
    /// Certificates by the files they came from, to fall back on.
    by_file: HashMap<FilePair, Arc<Certificate>>,
    by_digest: HashMap<Digest, Arc<Certificate>>,
    files: Vec<PathBuf>,
}

type FilePair = (FileOrContent, FileOrContent);

#[derive(Clone, Debug)]
struct Ready {
    options: Arc<Options>,
    server: Arc<ServerConfig>,
}

/// Why there is no handshake under some options.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("there are no TLS options of that name")]
    Unknown,
    #[error("the TLS options are broken: {0}")]
    Broken(String),
}

/// What is gathered while building.
struct Build<'a> {
    previous: Option<&'a Certificates>,
    by_file: HashMap<FilePair, Arc<Certificate>>,
    by_digest: HashMap<Digest, Arc<Certificate>>,
    files: Vec<PathBuf>,
    problems: Vec<Problem>,
    now: i64,
}

// === impl Certificates ===

impl Certificates {
    /// Never fails: what is broken is a problem, and refused. A certificate that cannot be read any more
    /// keeps its last good version.
    pub fn build(
        certificates: &[(CertificateConfig, Origin)],
        stores: &BTreeMap<String, StoreConfig>,
        options: &BTreeMap<String, OptionsConfig>,
        previous: Option<&Self>,
    ) -> (Self, Vec<Problem>) {
        Self::build_at(certificates, stores, options, previous, unix_now())
    }

    fn build_at(
        certificates: &[(CertificateConfig, Origin)],
        stores: &BTreeMap<String, StoreConfig>,
        options: &BTreeMap<String, OptionsConfig>,
        previous: Option<&Self>,
        now: i64,
    ) -> (Self, Vec<Problem>) {
        let mut build = Build::new(previous, now);
        let all = build.certificates(certificates);
        let default = build.default_certificate(stores);
        let index = match previous {
            Some(previous) if previous.index.is_still(&all, default.as_ref(), now) => previous.index.clone(),
            Some(_) | None => Arc::new(Index::build(all, default, now)),
        };
        let options = build.options(options, &index);
        build.files.sort_unstable();
        build.files.dedup();
        let Build { by_file, by_digest, files, problems, .. } = build;
        (Self { index, options, by_file, by_digest, files }, problems)
    }

    /// For a handshake under the options of that full name. Those named `default` always exist.
    pub fn server_config(&self, options: &str) -> Result<Arc<ServerConfig>, Refused> {
        match self.options.get(options) {
            Some(Ok(ready)) => Ok(ready.server.clone()),
            Some(Err(refused)) => Err(refused.clone()),
            None => Err(Refused::Unknown),
        }
    }

    /// Refuses handshakes under options that could not be read: the built-in ones must not stand in for them.
    pub fn refuse(&mut self, options: &str, why: impl Into<String>) {
        self.options.insert(options.to_owned(), Err(Refused::Broken(why.into())));
    }

    /// Whether a handshake under these options can be had.
    pub fn check_options(&self, options: &str) -> Result<(), Refused> {
        self.server_config(options).map(|_| ())
    }

    /// The certificate that a client asking for this name is shown.
    pub fn certificate_for(&self, sni: Option<&str>, options: &str) -> Option<&CertificateInfo> {
        let Some(Ok(ready)) = self.options.get(options) else {
            return None;
        };
        let sni = sni.map(str::to_lowercase);
        ready.server.certificate(sni.as_deref(), None).map(|certificate| &certificate.info)
    }

    /// All that can be shown, the default certificate last.
    pub fn list(&self) -> Vec<CertificateInfo> {
        let mut list: Vec<_> = self.index.all().iter().map(|certificate| certificate.info.clone()).collect();
        if let Some(default) = self.index.default_certificate()
            && !list.iter().any(|info| info.name == default.info.name)
        {
            list.push(default.info.clone());
        }
        list
    }

    /// Every file that was read, sorted: a change of one of them is a change of the configuration.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Whether a certificate other than the default one has this name.
    pub fn covers(&self, name: &str) -> bool {
        self.index.find(Some(&name.to_lowercase()), true, None).is_some()
    }
}

// === impl Build ===

impl<'a> Build<'a> {
    fn new(previous: Option<&'a Certificates>, now: i64) -> Self {
        Self {
            previous,
            by_file: HashMap::new(),
            by_digest: HashMap::new(),
            files: Vec::new(),
            problems: Vec::new(),
            now,
        }
    }

    fn certificates(&mut self, written: &[(CertificateConfig, Origin)]) -> Vec<Arc<Certificate>> {
        let mut seen = HashSet::new();
        let mut all = Vec::new();
        for (config, origin) in written {
            if !config.stores.is_empty() && !config.stores.iter().any(|store| store == DEFAULT) {
                let message = "the certificate is not used: only the store `default` is";
                self.problems.push(
                    Problem::warning("unused_certificate", message).at(origin.clone()).with_path("stores"),
                );
                continue;
            }
            let place = |problem: Problem| problem.at(origin.clone());
            if let Some(found) = self.load(config, &place)
                && seen.insert(found.info.cert_fingerprint.clone())
            {
                all.push(found);
            }
        }
        all
    }

    fn default_certificate(&mut self, stores: &BTreeMap<String, StoreConfig>) -> Option<Arc<Certificate>> {
        for (name, _) in stores.iter().filter(|(name, _)| *name != DEFAULT) {
            let message = format!("the TLS store `{name}` is not used: only `default` is");
            self.problems.push(Problem::warning("unused_store", message).in_object(store_name(name)));
        }
        let store = stores.get(DEFAULT).cloned().unwrap_or_default();
        if store.default_generated_cert.is_some() && store.default_certificate.is_none() {
            let message = "certificate resolvers are not available yet: a self-signed certificate is shown";
            self.problems.push(
                Problem::warning("unsupported_option", message)
                    .in_object(store_name(DEFAULT))
                    .with_path("defaultGeneratedCert"),
            );
        }
        match &store.default_certificate {
            // A broken one leaves the store without a default, as in Traefik; there is no falling back on a
            // certificate that nobody asked for.
            Some(config) => {
                let place = |p: Problem| p.in_object(store_name(DEFAULT)).under("defaultCertificate");
                self.load(config, &place)
            }
            None => generated::certificate(),
        }
    }

    /// Parses only what was not parsed before.
    fn load(
        &mut self,
        config: &CertificateConfig,
        place: &dyn Fn(Problem) -> Problem,
    ) -> Option<Arc<Certificate>> {
        self.files.extend([&config.cert_file, &config.key_file].iter().filter_map(|file| watched(file)));
        let found = match self.parsed(config) {
            Ok(found) => found,
            Err(error) => return self.last_good(config, &error, place),
        };
        if self.now > found.info.not_after_unix {
            let message = format!("the certificate expired on {}", found.info.not_after);
            let problem = Problem::warning("expired_certificate", message).with_path("certFile");
            self.problems.push(place(problem));
        }
        self.remember(config, &found);
        Some(found)
    }

    fn parsed(&self, config: &CertificateConfig) -> Result<Arc<Certificate>, LoadError> {
        let pem = Pem::read(config)?;
        let known = self.previous.and_then(|previous| previous.by_digest.get(pem.digest()));
        match known.or_else(|| self.by_digest.get(pem.digest())) {
            Some(known) => Ok(known.clone()),
            None => Certificate::parse(&pem, config).map(Arc::new),
        }
    }

    fn last_good(
        &mut self,
        config: &CertificateConfig,
        error: &LoadError,
        place: &dyn Fn(Problem) -> Problem,
    ) -> Option<Arc<Certificate>> {
        let last = self.previous.and_then(|previous| previous.by_file.get(&file_pair(config))).cloned();
        let problem = Problem::error("unusable_certificate", error).with_path(error.field());
        self.problems.push(place(match last {
            Some(_) => problem.hint("the last good version stays in use"),
            None => problem,
        }));
        if let Some(last) = &last {
            self.remember(config, last);
        }
        last
    }

    fn remember(&mut self, config: &CertificateConfig, certificate: &Arc<Certificate>) {
        self.by_digest.insert(certificate.digest, certificate.clone());
        // Content cannot become unreadable, and would be kept twice.
        if !config.cert_file.is_pem() && !config.key_file.is_pem() {
            self.by_file.insert(file_pair(config), certificate.clone());
        }
    }

    fn options(
        &mut self,
        written: &BTreeMap<String, OptionsConfig>,
        index: &Arc<Index>,
    ) -> BTreeMap<String, Result<Ready, Refused>> {
        let built_in = OptionsConfig::default();
        let implied = (!written.contains_key(DEFAULT)).then_some((DEFAULT, &built_in));
        let written = written.iter().map(|(name, config)| (name.as_str(), config));
        written
            .chain(implied)
            .map(|(name, config)| (name.to_owned(), self.one_option(name, config, index)))
            .collect()
    }

    fn one_option(
        &mut self,
        name: &str,
        config: &OptionsConfig,
        index: &Arc<Index>,
    ) -> Result<Ready, Refused> {
        let object = format!("TLS options `{name}`");
        self.files.extend(config.client_auth.ca_files.iter().filter_map(watched));
        let ready = |options| self.ready(name, options, index).map_err(|problem| vec![problem]);
        let built = config.build().and_then(ready);
        match built {
            Ok(ready) => {
                let warnings = ready.options.warnings.iter().cloned();
                self.problems.extend(warnings.map(|problem| problem.in_object(object.clone())));
                Ok(ready)
            }
            Err(problems) => {
                let first = problems.iter().find(|problem| problem.is_error());
                let refused = Refused::Broken(first.map(Problem::summary).unwrap_or_default());
                self.problems.extend(problems.into_iter().map(|problem| problem.in_object(object.clone())));
                Err(refused)
            }
        }
    }

    /// The same server configuration as before if nothing that it holds has changed.
    fn ready(&self, name: &str, options: Options, index: &Arc<Index>) -> Result<Ready, Problem> {
        let before = self.previous.and_then(|previous| previous.options.get(name));
        if let Some(Ok(before)) = before
            && before.options.is_same_as(&options)
            && Arc::ptr_eq(before.server.index(), index)
        {
            return Ok(before.clone());
        }
        let server = Arc::new(options.server_config(name, index)?);
        Ok(Ready { options: Arc::new(options), server })
    }
}

fn store_name(name: &str) -> String {
    format!("TLS store `{name}`")
}

fn file_pair(config: &CertificateConfig) -> FilePair {
    (config.cert_file.clone(), config.key_file.clone())
}

/// A file that is missing now is worth watching too.
fn watched(file: &FileOrContent) -> Option<PathBuf> {
    (!file.is_pem() && !file.is_empty()).then(|| PathBuf::from(file.as_written()))
}

fn unix_now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
