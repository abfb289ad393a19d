//! Lists as the API gives them: searched, filtered, sorted, cut into pages. Traefik, "API", list parameters.

use std::borrow::Cow;

use http::StatusCode;
use serde_json::Value;

use crate::desk::Reply;
use crate::query::Query;

/// One object of a list. Its JSON is made only where it is shown.
pub(crate) struct Row<'a> {
    /// Ties are broken by it.
    pub(crate) name: &'a str,
    pub(crate) status: &'static str,
    /// What `search` looks into.
    pub(crate) texts: Vec<&'a str>,
    /// Of routers.
    pub(crate) service: Option<&'a str>,
    /// Of routers.
    pub(crate) middlewares: &'a [String],
    /// What can be sorted by, besides the name and the type.
    pub(crate) keys: Vec<(&'static str, Key<'a>)>,
    pub(crate) json: Box<dyn Fn() -> Value + 'a>,
}

/// Something to sort by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key<'a> {
    Number(i64),
    Text(Cow<'a, str>),
}

/// One page of a list.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    start: usize,
    end: usize,
    next: usize,
}

const PER_PAGE: usize = 100;

/// The page that the query asks for.
pub(crate) fn list(rows: Vec<Row<'_>>, query: &Query) -> Reply {
    let mut rows: Vec<Row<'_>> = rows.into_iter().filter(|row| row.is_wanted(query)).collect();
    sort(&mut rows, query);
    let values: Vec<_> = rows.iter().map(|row| &row.json).collect();
    page_of(&values, query, |json| json())
}

/// Only cut into pages, in the order given.
pub(crate) fn page_of<T>(all: &[T], query: &Query, show: impl Fn(&T) -> Value) -> Reply {
    match Page::of(query, all.len()) {
        Ok(page) => {
            let shown = all.get(page.start..page.end).unwrap_or_default();
            let values: Vec<Value> = shown.iter().map(show).collect();
            Reply { next_page: Some(page.next), ..Reply::json(&values) }
        }
        Err(message) => Reply::error(StatusCode::BAD_REQUEST, &message),
    }
}

fn sort(rows: &mut [Row<'_>], query: &Query) {
    let by = query.get("sortBy");
    rows.sort_by_cached_key(|row| (row.key(by), row.name.to_owned()));
    if !matches!(query.get("direction"), "" | "asc") {
        rows.reverse();
    }
}

// === impl Row ===

impl<'a> Row<'a> {
    fn is_wanted(&self, query: &Query) -> bool {
        let (search, status) = (query.get("search").to_lowercase(), query.get("status"));
        (status.is_empty() || status.eq_ignore_ascii_case(self.status))
            && (search.is_empty() || self.texts.iter().any(|text| text.to_lowercase().contains(&search)))
            && self.uses_service(query.get("serviceName"))
            && self.uses_middleware(query.get("middlewareName"))
    }

    fn uses_service(&self, wanted: &str) -> bool {
        match self.service {
            Some(service) if !wanted.is_empty() => {
                service == wanted || (!service.contains('@') && wanted.split('@').next() == Some(service))
            }
            _ => true,
        }
    }

    fn uses_middleware(&self, wanted: &str) -> bool {
        self.service.is_none() || wanted.is_empty() || self.middlewares.iter().any(|name| name == wanted)
    }

    fn key(&self, by: &str) -> Option<Key<'static>> {
        let owned = |key: &Key<'_>| match key {
            Key::Number(number) => Key::Number(*number),
            Key::Text(text) => Key::Text(Cow::Owned(text.clone().into_owned())),
        };
        if by == "type" {
            let json = (self.json)();
            return Some(Key::Text(Cow::Owned(json.get("type")?.as_str()?.to_owned())));
        }
        self.keys.iter().find(|(name, _)| *name == by).map(|(_, key)| owned(key))
    }
}

impl<'a> Key<'a> {
    pub(crate) fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    pub(crate) fn count(count: usize) -> Self {
        Self::Number(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

// === impl Page ===

impl Page {
    fn of(query: &Query, total: usize) -> Result<Self, String> {
        let per_page = positive(query, "per_page", PER_PAGE)?;
        let page = positive(query, "page", 1)?;
        let start = (page - 1).saturating_mul(per_page);
        if start != 0 && start >= total {
            return Err(format!("invalid request: page: {page}, per_page: {per_page}"));
        }
        let end = start.saturating_add(per_page).min(total);
        let next = if page.saturating_mul(per_page) < total { page + 1 } else { 1 };
        Ok(Self { start, end, next })
    }
}

fn positive(query: &Query, name: &str, default: usize) -> Result<usize, String> {
    let text = query.get(name);
    if text.is_empty() {
        return Ok(default);
    }
    // Go gives 0 for what is no number.
    let number = text.parse::<i64>().unwrap_or(0);
    usize::try_from(number)
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| format!("invalid request: {name}: {number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<'a>(
        name: &'a str,
        rule: &'a str,
        service: &'a str,
        status: &'static str,
        priority: i64,
    ) -> Row<'a> {
        Row {
            name,
            status,
            texts: vec![name, rule],
            service: Some(service),
            middlewares: &[],
            keys: vec![("priority", Key::Number(priority)), ("rule", Key::text(rule))],
            json: Box::new(move || Value::from(name)),
        }
    }

    fn rows() -> Vec<Row<'static>> {
        vec![
            row("b@file", "Host(`x.example`)", "s@file", "enabled", 2),
            row("a@file", "Path(`/A`)", "t", "disabled", 2),
            row("c@crd", "Host(`y.example`)", "u@crd", "warning", 1),
        ]
    }

    /// The names shown, or the message; and the next page.
    #[track_caller]
    fn check(query: &str, wanted: &str, next: Option<usize>) {
        let reply = list(rows(), &Query::parse(Some(query)));
        let text = match serde_json::from_slice::<Value>(&reply.body).unwrap() {
            Value::Array(names) => {
                names.iter().map(|name| name.as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
            }
            other => other["message"].as_str().unwrap().to_owned(),
        };
        assert_eq!((text.as_str(), reply.next_page), (wanted, next));
    }

    #[test]
    fn sorts_by_name_unless_told_otherwise() {
        check("", "a@file b@file c@crd", Some(1));
        check("sortBy=nonsense&direction=desc", "c@crd b@file a@file", Some(1));
        check("sortBy=priority", "c@crd a@file b@file", Some(1));
        check("sortBy=priority&direction=desc", "b@file a@file c@crd", Some(1));
        check("sortBy=rule", "b@file c@crd a@file", Some(1));
    }

    #[test]
    fn searches_names_and_rules_in_any_case() {
        check("search=EXAMPLE", "b@file c@crd", Some(1));
        check("search=%2Fa", "a@file", Some(1));
        check("search=%40crd", "c@crd", Some(1));
    }

    #[test]
    fn filters_by_status_service_and_middleware() {
        check("status=Disabled", "a@file", Some(1));
        check("serviceName=s%40file", "b@file", Some(1));
        check("serviceName=t%40file", "a@file", Some(1));
        check("middlewareName=m%40file", "", Some(1));
    }

    #[test]
    fn cuts_into_pages() {
        check("per_page=2", "a@file b@file", Some(2));
        check("per_page=2&page=2", "c@crd", Some(1));
        check("per_page=2&page=3", "invalid request: page: 3, per_page: 2", None);
        check("page=0", "invalid request: page: 0", None);
        check("page=-1", "invalid request: page: -1", None);
        check("per_page=x", "invalid request: per_page: 0", None);
        check("status=none", "", Some(1));
    }
}
