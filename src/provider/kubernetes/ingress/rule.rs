//! Host and path of an Ingress → a rule.

use document::Problem;

/// The rule as Traefik writes it: values in double quotes, joined by `&&`. Nothing said is an empty rule.
pub(super) fn of(
    host: &str,
    path: &str,
    path_type: &str,
    matcher: Option<&str>,
    is_strict: bool,
) -> Result<String, Problem> {
    let mut parts = Vec::new();
    if !host.is_empty() {
        parts.push(format!("Host({host:?})"));
    }
    if !path.is_empty() {
        let matcher = match path_type {
            "Exact" => "Path",
            "Prefix" => "PathPrefix",
            "ImplementationSpecific" | "" => matcher.unwrap_or("PathPrefix"),
            other => {
                let message =
                    format!("the path type `{other}` is none of `Exact`, `Prefix`, `ImplementationSpecific`");
                return Err(Problem::field("pathType", message));
            }
        };
        parts.push(match matcher {
            "PathPrefix" if is_strict => strict(path),
            "Path" | "PathPrefix" | "PathRegexp" => format!("{matcher}({path:?})"),
            other => {
                let message =
                    format!("the path matcher `{other}` is none of `Path`, `PathPrefix`, `PathRegexp`");
                return Err(Problem::error("invalid_value", message).with_path("path"));
            }
        });
    }
    Ok(parts.join(" && "))
}

/// Whole segments only.
fn strict(path: &str) -> String {
    match path.strip_suffix('/').unwrap_or(path) {
        "" => "PathPrefix(\"/\")".to_owned(),
        path => format!("(Path({path:?}) || PathPrefix({:?}))", format!("{path}/")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        host: &str,
        path: &str,
        path_type: &str,
        matcher: Option<&str>,
        is_strict: bool,
        expected: &str,
    ) {
        assert_eq!(of(host, path, path_type, matcher, is_strict).unwrap(), expected);
    }

    #[test]
    fn host_and_path_are_joined() {
        check("a.test", "/x", "Prefix", None, false, r#"Host("a.test") && PathPrefix("/x")"#);
        check("*.a.test", "/x", "Exact", None, false, r#"Host("*.a.test") && Path("/x")"#);
        check("", "", "Prefix", None, false, "");
    }

    #[test]
    fn the_annotation_counts_where_the_type_says_nothing() {
        check("", "/x.*", "ImplementationSpecific", Some("PathRegexp"), false, r#"PathRegexp("/x.*")"#);
        check("", "/x", "Exact", Some("PathRegexp"), false, r#"Path("/x")"#);
        assert!(of("", "/x", "", Some("Nonsense"), false).is_err());
    }

    #[test]
    fn strict_prefixes_end_at_segments() {
        check("", "/v1/", "Prefix", None, true, r#"(Path("/v1") || PathPrefix("/v1/"))"#);
        check("", "/", "Prefix", None, true, r#"PathPrefix("/")"#);
    }
}
