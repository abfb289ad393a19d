//! Services made of services.

use std::sync::Arc;

use document::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::balancer::RoundRobin;
use crate::load_balancer::{Sticky, sticks};
use crate::{Context, Service};

/// `weighted`: a share of the traffic for each child.
///
/// ```yaml
/// weighted: { services: [{ name: stable, weight: 9 }, { name: canary, weight: 1 }] }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Weighted {
    pub services: Vec<Child>,
    /// Read, not served yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Sticky>,
    /// Read, not served yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<Propagate>,
}

/// One child of a group.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Child {
    pub name: String,
    #[serde(default = "one")]
    pub weight: i64,
}

/// `healthCheck: {}`: the children's health counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Propagate {}

/// A built group.
#[derive(Debug)]
pub struct Group {
    children: Box<[Arc<Service>]>,
    balancer: RoundRobin,
}

fn one() -> i64 {
    1
}

impl Weighted {
    /// What is written but has no effect yet, as `(key, sentence)`.
    pub(crate) fn without_effect(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        [
            (sticks(self.sticky.as_ref()), "weighted.sticky", "sticky sessions are not served yet"),
            (self.health_check.is_some(), "weighted.healthCheck", "health checks are not served yet"),
        ]
        .into_iter()
        .filter_map(|(written, key, sentence)| written.then_some((key, sentence)))
    }

    /// # Errors
    /// When a child is missing or broken.
    pub(crate) fn build(&self, cx: &dyn Context) -> Result<Group, Problem> {
        let mut children = Vec::with_capacity(self.services.len());
        for (index, child) in self.services.iter().enumerate() {
            let service = cx.service(&child.name).map_err(|p| p.under(&format!("services.{index}.name")))?;
            children.push(service);
        }
        let weights: Vec<i64> = self.services.iter().map(|child| child.weight).collect();
        Ok(Group { children: children.into_boxed_slice(), balancer: RoundRobin::new(&weights) })
    }
}

impl Group {
    /// The child whose turn it is.
    pub(crate) fn choose(&self) -> Option<&Service> {
        let chosen = self.balancer.choose(|_| true)?;
        self.children.get(chosen).map(|child| &**child)
    }

    pub(crate) fn children(&self) -> impl Iterator<Item = &Service> {
        self.children.iter().map(|child| &**child)
    }
}
