//! `/api/explain`: what would happen to a request, by the snapshot that is in use.
//!
//! `?url=https://shop.example/a&method=POST&header=Accept:+*/*&clientIp=192.0.2.1&sni=…&entryPoint=…`;
//! with `output=human` as a text for people.

use http::{HeaderName, HeaderValue, StatusCode};
use snapshot::explain::Question;
use snapshot::{Report, Snapshot};

use crate::desk::Reply;
use crate::query::Query;

pub(crate) fn answer(snapshot: &Snapshot, report: &Report, query: &Query) -> Reply {
    match question(query).and_then(|question| snapshot::explain(snapshot, Some(report), &question)) {
        Ok(explanation) if query.get("output") == "human" => Reply {
            status: StatusCode::OK,
            content_type: HeaderValue::from_static("text/plain; charset=utf-8"),
            body: format!("{explanation}\n").into(),
            next_page: None,
        },
        Ok(explanation) => Reply::json(&explanation),
        Err(message) => Reply::error(StatusCode::BAD_REQUEST, &message),
    }
}

fn question(query: &Query) -> Result<Question, String> {
    let mut question = Question::of_url(query.get("url"))?;
    let given = |name| Some(query.get(name)).filter(|text| !text.is_empty());
    if let Some(method) = given("method") {
        question.method = method.parse().map_err(|_invalid| format!("`{method}` is no method"))?;
    }
    if let Some(client) = given("clientIp") {
        question.client = client.parse().map_err(|_invalid| format!("`{client}` is no IP address"))?;
    }
    for header in query.all("header") {
        let refused = || format!("`{header}` is no header: write `Name: value`");
        let (name, value) = header.split_once(':').ok_or_else(refused)?;
        let name: HeaderName = name.trim().parse().map_err(|_invalid| refused())?;
        let value = HeaderValue::from_str(value.trim()).map_err(|_invalid| refused())?;
        question.headers.append(name, value);
    }
    question.sni = given("sni").map(str::to_owned);
    question.entry_point = given("entryPoint").map(str::to_owned);
    Ok(question)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_request_from_the_query() {
        let query = "url=https%3A%2F%2Fshop.example%2Fa%3Fb&method=POST&header=X-A:+1&header=x-a:2&clientIp=::1&entryPoint=web";
        let question = question(&Query::parse(Some(query))).unwrap();
        assert_eq!((question.method.as_str(), question.host.as_str()), ("POST", "shop.example"));
        assert_eq!((question.target.as_str(), question.secure), ("/a?b", true));
        assert_eq!(question.headers.get_all("x-a").iter().count(), 2);
        assert_eq!(question.entry_point.as_deref(), Some("web"));
    }

    #[test]
    fn says_what_is_wrong() {
        for (query, wanted) in [
            ("", "is no URL"),
            ("url=http://a/&method=A%20B", "`A B` is no method"),
            ("url=http://a/&header=x", "`x` is no header"),
            ("url=http://a/&clientIp=x", "`x` is no IP address"),
        ] {
            let message = question(&Query::parse(Some(query))).unwrap_err();
            assert!(message.contains(wanted), "{message}");
        }
    }
}
