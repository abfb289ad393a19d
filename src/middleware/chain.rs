//! `chain` — several middlewares under one name.

use document::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Context, Step, unset};

/// ```yaml
/// chain: { middlewares: [https-only, known-ips, auth-users] }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// Names, run in this order, as if they were listed in place of the chain.
    #[serde(skip_serializing_if = "unset")]
    pub middlewares: Vec<String>,
}

// === impl Config ===

impl Config {
    /// The members' steps, one after the other: a chain itself costs nothing.
    pub(crate) fn build(&self, context: &dyn Context) -> Result<Vec<Step>, Problem> {
        let mut steps = Vec::new();
        for (index, name) in self.middlewares.iter().enumerate() {
            let member = context.middleware(name).map_err(|problem| match &problem.object {
                Some(_) => problem,
                None if problem.path.is_empty() => problem.with_path(format!("middlewares[{index}]")),
                // A mistake inside the member has its place there.
                None => problem.in_object(format!("middleware `{name}`")),
            })?;
            steps.extend(member);
        }
        Ok(steps)
    }
}
