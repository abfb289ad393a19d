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
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let made = split(text).into_iter().map(|part| {
            requirement(part).ok_or_else(|| {
                let message = format_args!("`{part}` is no requirement of a label selector");
                Problem::error("invalid_value", message).hint("write it as `a=b, c!=d, e in (f, g), h, !i`")
            })
        });
        made.collect::<Result<_, _>>().map(Self)
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
    parts.map(str::trim).collect()
}

fn requirement(text: &str) -> Option<Requirement> {
    let made = |key: &str, values: Option<Vec<String>>, is_negated: bool| {
        let key = key.trim();
        let is_key = !key.is_empty() && key.chars().all(|c| c == '/' || is_of_label(c));
        let are_values = values.iter().flatten().all(|value| value.chars().all(is_of_label));
        (is_key && are_values).then(|| Requirement { key: key.to_owned(), values, is_negated })
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

fn is_of_label(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
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
        for nonsense in ["a of (b)", "a b", "l in (a", "a=b c", "a,,b", "a=(b)", "=a", "!"] {
            assert!(Selector::parse(nonsense).is_err(), "{nonsense}");
        }
    }
}
