//! Label selectors, as the Kubernetes API reads them: `a=b, c!=d, e in (x, y), f notin (z), g, !h`.

use std::collections::BTreeMap;

use document::Problem;

/// All of these must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    /// `None`: any value.
    values: Option<Vec<String>>,
    is_negated: bool,
}

impl Selector {
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let mut requirements = Vec::new();
        for part in split(text) {
            requirements.push(requirement(part).ok_or_else(|| {
                Problem::error(
                    "invalid_value",
                    format_args!("`{part}` is no requirement of a label selector"),
                )
            })?);
        }
        Ok(Self(requirements))
    }

    pub(super) fn takes(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| {
            let holds = match (labels.get(&requirement.key), &requirement.values) {
                (Some(label), Some(values)) => values.contains(label),
                (Some(_), None) => true,
                (None, _) => false,
            };
            holds != requirement.is_negated
        })
    }
}

/// At commas, but not at those in parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    let parts = text.split(move |c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn requirement(text: &str) -> Option<Requirement> {
    let made = |key: &str, values: Option<Vec<String>>, is_negated: bool| {
        let key = key.trim();
        let is_key = !key.is_empty() && !key.contains([' ', '(', ')', '=', '!']);
        is_key.then(|| Requirement { key: key.to_owned(), values, is_negated })
    };
    let one = |value: &str| Some(vec![value.trim().to_owned()]);
    if let Some((key, value)) = text.split_once("!=") {
        return made(key, one(value), true);
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return made(key, one(value), false);
    }
    if let Some((head, list)) = text.split_once('(') {
        let values = list.strip_suffix(')')?.split(',').map(|value| value.trim().to_owned()).collect();
        let (key, operator) = head.trim().rsplit_once(' ')?;
        return match operator {
            "in" => made(key, Some(values), false),
            "notin" => made(key, Some(values), true),
            _ => None,
        };
    }
    match text.strip_prefix('!') {
        Some(key) => made(key, None, true),
        None => made(text, None, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(selector: &str, labels: &[(&str, &str)], expected: bool) {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        assert_eq!(Selector::parse(selector).unwrap().takes(&labels), expected, "{selector}");
    }

    #[test]
    fn selects_as_the_api_does() {
        check("", &[], true);
        check("app=shop", &[("app", "shop")], true);
        check("app==shop,tier!=web", &[("app", "shop"), ("tier", "web")], false);
        check("app in (a, b), tier", &[("app", "b"), ("tier", "")], true);
        check("app notin (a)", &[], true);
        check("!app", &[("app", "x")], false);
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(Selector::parse("a of (b)").is_err());
        assert!(Selector::parse("a b").is_err());
    }
}
