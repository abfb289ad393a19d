//! What is not shown of a line that a problem points to: it goes to terminals, logs of build servers and tickets.

use crate::problem::Problem;
use crate::schema::{DUPLICATE_KEY, UNKNOWN_KEY};
use crate::value::Place;

/// Keys whose values are not shown, by how they end.
const SECRET_KEYS: [&str; 9] =
    ["password", "secret", "token", "users", "hmacencoded", "credentials", "apikey", "authorization", COOKIE];

const COOKIE: &str = "cookie";

/// Keys of maps whose values are headers, which may be anything.
const HEADERS: [&str; 3] = ["headers", "customRequestHeaders", "customResponseHeaders"];

/// Such a problem is one of a value of a Secret.
const OF_SECRET_VALUES: [&str; 2] = ["invalid_base64", "invalid_secret"];

/// Marks of hashes, keys and credentials.
const MARKS: [&str; 8] = ["-----BEGIN ", "$apr1$", "$2y$", "$2a$", "$2b$", "{SHA}", "Bearer ", "Basic "];

/// As many characters of base64 in a row are a key rather than a word.
const BASE64_CHARS: usize = 60;

/// A line is nobody's business as a whole.
pub(crate) fn holds_secret(line: &str) -> bool {
    let text = line.trim();
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    MARKS.iter().any(|mark| text.contains(mark))
        || (text.len() >= BASE64_CHARS && text.chars().all(is_base64))
        || has_user_information(text)
        || names_secret(text)
}

/// The line of a problem as it may be shown.
pub(crate) fn redact(line: &str, place: Place, problem: &Problem) -> Option<String> {
    if OF_SECRET_VALUES.contains(&problem.code) {
        return None;
    }
    let is_header = problem.path.split('.').any(|key| HEADERS.contains(&key));
    if is_about_key(problem.code) {
        return Some(key_alone(line, place));
    }
    (!is_header && !is_below_secret(&problem.path) && !holds_secret(line)).then(|| line.to_owned())
}

/// A value of such a key may have a line of its own, which does not name the key.
fn is_below_secret(path: &str) -> bool {
    path.split('.').any(|segment| {
        let key = segment.split('[').next().unwrap_or_default().to_ascii_lowercase();
        // The section that says how a cookie is made holds no secret; the header of that name is one of the headers.
        key != COOKIE && SECRET_KEYS.iter().any(|secret| key.ends_with(secret))
    })
}

/// Such a problem points to a key, and nothing is known of the value: it may be a misspelt password.
fn is_about_key(code: &str) -> bool {
    let whole = [UNKNOWN_KEY, DUPLICATE_KEY, "missing_key", "no_value", "two_kinds", "unsupported"];
    whole.contains(&code) || matches!(code, "unsupported_middleware" | "unsupported_service")
}

/// The line without what stands behind the key, and without what stands before it where that holds values.
fn key_alone(line: &str, place: Place) -> String {
    let number = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    let start = number(place.column).saturating_sub(1);
    let before: String = line.chars().take(start).collect();
    let mut shown = if holds_keys_only(&before) { before } else { " ".repeat(start) };
    let mut rest = line.chars().skip(start);
    shown.extend(rest.by_ref().take(number(place.width)));
    shown.extend(rest.take_while(|c| matches!(c, '"' | '\'' | ']' | ':')));
    shown
}

/// Indentation, dashes, keys, and the brackets that open what they hold.
fn holds_keys_only(before: &str) -> bool {
    let mut parts: Vec<&str> = before.split([':', '=']).collect();
    let opens = |c: char| c.is_whitespace() || matches!(c, '{' | '[' | '-' | '"' | '\'');
    let tail = parts.pop().unwrap_or_default();
    tail.chars().all(opens)
        && parts.iter().all(|part| {
            let key = part.trim_matches(opens);
            !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        })
}

/// `http://user:secret@host` stands in it.
fn has_user_information(line: &str) -> bool {
    line.match_indices("://").any(|(at, mark)| {
        let rest = line.get(at + mark.len()..).unwrap_or_default();
        rest.split([' ', '"', '\'', ',', '`']).next().is_some_and(|url| url.contains('@'))
    })
}

/// One of the line's keys is that of a secret, and something follows it.
fn names_secret(line: &str) -> bool {
    line.match_indices([':', '=']).any(|(offset, _)| {
        let before = line.get(..offset).unwrap_or_default().trim_end().trim_end_matches(['"', '\'']);
        let after = line.get(offset + 1..).unwrap_or_default().trim();
        let key = before
            .rsplit(|c: char| !c.is_ascii_alphanumeric())
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let is_secret = SECRET_KEYS.iter().any(|secret| key.ends_with(secret));
        // A private key, unless it is the path of one.
        let is_private_key = key == "key" && !after.trim_start_matches(['"', '\'']).starts_with(['/', '.']);
        !after.is_empty() && (is_secret || is_private_key)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_secrets_are_not_shown() {
        let mut key = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj".to_owned();
        key.insert_str(0, "      ");
        for (line, is_secret) in [
            ("a: {clientSecret: x, b: 1}", true),
            ("secretName: tls", false),
            ("users:", false),
            ("  - \"joe:$apr1$x$y\"", true),
            ("\"password\" = \"p\"", true),
            ("- url: http://usr:s@127.0.0.1:80", true),
            ("- url: http://127.0.0.1:80/a@b", true),
            ("url: http://127.0.0.1:80 # by joe@example", false),
            ("Authorization: Basic abc", true),
            ("key: /etc/tls.key", false),
            ("key: abc", true),
            (key.as_str(), true),
            ("rule: Host(`a.test`)", false),
        ] {
            assert_eq!(holds_secret(line), is_secret, "{line}");
        }
    }

    #[test]
    fn of_a_key_that_is_not_known_its_value_is_not_shown() {
        let check = |line: &str, key: &str, expected: &str| {
            let column = u32::try_from(line.find(key).unwrap() + 1).unwrap();
            let place = Place::new(1, column, u32::try_from(key.len()).unwrap());
            let problem = Problem::error(UNKNOWN_KEY, "unknown");
            assert_eq!(redact(line, place, &problem).unwrap(), expected, "{line}");
        };
        check("      user: [\"joe:plain\"]", "user", "      user:");
        check("  web: {adress: \":80\"}", "adress", "  web: {adress:");
        check("basicAuth: {usr: x, relm: y}", "relm", "                    relm:");
        check("- \"usr\" = 'x'", "usr", "- \"usr\"");
        check("[tracing.otlp]", "tracing", "[tracing");
    }

    #[test]
    fn what_stands_below_a_secret_key_is_not_shown() {
        let is_shown = |path: &str, code: &'static str| {
            let problem = Problem::warning(code, "no").with_path(path);
            redact("          - joe:plain", Place::new(1, 13, 9), &problem).is_some()
        };
        assert!(!is_shown("users[0]", "hopeless_hash"));
        assert!(!is_shown("http.middlewares.auth.basicAuth.users[12]", "hopeless_hash"));
        assert!(!is_shown("cluster.clientSecret", "invalid_value"));
        assert!(!is_shown("stringData.a", "invalid_secret"));
        assert!(is_shown("usersFile", "hopeless_hash"));
        assert!(is_shown("http.services.a.loadBalancer.sticky.cookie.sameSite", "invalid_value"));
        assert!(is_shown("spec.tls.secretName", "missing_secret"));
    }

    #[test]
    fn headers_may_be_secret() {
        let problem = |path: &str| Problem::field(path, "no header value");
        let line = "        X-Auth: abc";
        assert_eq!(redact(line, Place::new(1, 17, 3), &problem("headers.customRequestHeaders.X-Auth")), None);
        assert_eq!(redact(line, Place::new(1, 17, 3), &problem("a.b")).as_deref(), Some(line));
    }
}
