//! Kubernetes objects → configuration, without knowing where the objects come from: files now, a cluster's
//! watch later.
//!
//! - [`object`] an object with what is needed of its metadata · [`view`](mod@view) all objects as one thing to look at
//! - [`read`](mod@read) a tree of YAML → objects · [`name`] names of what is generated
//! - [`core`] what is kept of Kubernetes' own objects · `fragment` what became of one object, kept while it holds
//! - [`backend`] Service, EndpointSlice, Secret → servers and certificates
//! - [`ingress`] Ingress → configuration · [`crd`] `traefik.io/v1alpha1` → configuration
//!
//! Invariant: the translators are pure: the same view and options give the same document, whatever was there before.
//! A change costs what it touches: objects that did not change, and looked at none that did, are not translated again.

pub mod backend;
pub mod core;
pub mod crd;
mod fragment;
pub mod ingress;
pub mod name;
pub mod object;
pub mod read;
pub mod view;

pub use object::{Meta, Stored};
pub use view::View;

#[cfg(test)]
mod golden;
