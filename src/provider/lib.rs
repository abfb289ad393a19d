//! Where the dynamic configuration comes from: sources of documents.
//!
//! - [`config`] the `providers` section of the install configuration
//! - [`file`](mod@file) a file or a folder · [`manifests`] Kubernetes objects from files · [`internal`] what the gateway itself offers
//! - [`kubernetes`] Kubernetes objects → configuration, without a cluster: names, endpoints, certificates, the
//!   translators of Ingress and of `traefik.io`
//! - `files` a folder's files, read again where they changed · `watch` which did · `follow` the loop of both
//!
//! Used by `actors` (hosts a [`Provider`]) and by the root (`check` and `explain` read the same way, once).
//! Knows what it publishes, not how it is served.
//!
//! Invariants: a provider publishes whole documents, never differences. A mistake in one object breaks that object
//! alone, under its name; a text that cannot be read keeps its last good version. An unchanged object is the
//! same `Arc` in the next document.

pub mod config;
pub mod file;
mod files;
mod follow;
pub mod internal;
pub mod kubernetes;
pub mod manifests;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{Notify, watch as channel};

/// What a provider has to say, by the name that follows `@`. Empty until it has delivered once.
pub type Documents = BTreeMap<Arc<str>, Arc<dynamic::Configuration>>;

/// The catalogue of sources that change.
pub enum Provider {
    File(file::File),
    Manifests(manifests::Manifests),
}

// === impl Provider ===

impl Provider {
    /// The names its documents go by.
    #[must_use]
    pub fn names(&self) -> &'static [&'static str] {
        match self {
            Self::File(_) => &[file::NAME],
            Self::Manifests(_) => &[kubernetes::crd::NAME, kubernetes::ingress::NAME],
        }
    }

    /// Publishes documents as they change, until the receivers are gone. `reread`: look again at everything.
    pub async fn run(self, publish: channel::Sender<Documents>, reread: Arc<Notify>) {
        match self {
            Self::File(file) => file.run(publish, reread).await,
            Self::Manifests(manifests) => manifests.run(publish, reread).await,
        }
    }
}
