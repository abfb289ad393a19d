//! The grammar: what is a rule, and where the first mistake of another text stands.

use crate::{parse_http, parse_tcp};

fn accepts(text: &str, canonical: &str) {
    assert_eq!(parse_http(text).unwrap_or_else(|e| panic!("{text}: {e}")).to_string(), canonical);
}

/// Column and width of the mistake, and its sentence.
fn refuses(text: &str, (column, width): (usize, usize), message: &str) {
    let error = parse_http(text).err().unwrap_or_else(|| panic!("{text} should be refused"));
    assert_eq!((error.column, error.width, error.message.as_str()), (column, width, message), "{text}");
}

fn hints(text: &str, hint: &str) {
    let error = parse_http(text).err().unwrap_or_else(|| panic!("{text} should be refused"));
    assert_eq!(error.hint.as_deref(), Some(hint), "{text}: {error}");
}

#[test]
fn precedence_is_not_and_or() {
    accepts(
        "Path(`/a`) && Path(`/b`) || Path(`/c`) && !Path(`/d`)",
        "Path(`/a`) && Path(`/b`) || Path(`/c`) && !Path(`/d`)",
    );
    accepts("!Path(`/a`) && Path(`/b`)", "!Path(`/a`) && Path(`/b`)");
    accepts("!(Path(`/a`) && Path(`/b`))", "!(Path(`/a`) && Path(`/b`))");
}

#[test]
fn white_space_and_comments_are_free() {
    accepts("Path(`/a`)&&(Path(`/b`))", "Path(`/a`) && Path(`/b`)");
    accepts("  Path ( `/a` ) ", "Path(`/a`)");
    accepts("Path(`/a`) /* why */ && Path(`/b`) // because", "Path(`/a`) && Path(`/b`)");
    accepts("// why\nPath(`/a`)", "Path(`/a`)");
}

#[test]
fn a_line_may_end_where_the_rule_cannot() {
    accepts("Path(`/a`) &&\n  Path(`/b`)\n\n", "Path(`/a`) && Path(`/b`)");
    accepts("(\nPath(\n`/a`,\n) ||\n!\nPath(`/b`))", "Path(`/a`) || !Path(`/b`)");
    accepts("Path(`/a`) && // first\nPath(`/b`)", "Path(`/a`) && Path(`/b`)");
    refuses("Path(`/a`)\n && Path(`/b`)", (13, 2), "expected the end of the rule, found `&&`");
    hints(
        "Path(`/a`)\n && Path(`/b`)",
        "a line break ends the rule here; write the operator at the end of the line",
    );
    refuses("(Path(`/a`)\n)", (12, 1), "expected `)`, found a line break");
    refuses("Path(`/a`\n)", (10, 1), "expected `,` or `)`, found a line break");
    refuses("Path\n(`/a`)", (5, 1), "expected `(` after `Path`, found a line break");
    refuses("(Path(`/a`) // x\n)", (17, 1), "expected `)`, found a line break");
    refuses("(Path(`/a`) /* x\n */)", (13, 1), "expected `)`, found a line break");
}

#[test]
fn strings_are_raw_or_escaped() {
    accepts(r#"Path("/\x61\142\u00e9\U0001F600\"\\")"#, "Path(`/ab\u{e9}\u{1F600}\"\\`)");
    accepts("Path(`/a\\n\r`)", "Path(`/a\\n`)");
    accepts("Path(`/a\nb`)", "Path(`/a\nb`)");
    accepts("Path(`/a`,)", "Path(`/a`)");
    refuses("Path(`/a)", (6, 1), "string is not closed");
    refuses("Path(\"/a)", (6, 1), "string is not closed");
    refuses("Path(\"/a\n\")", (6, 1), "string is not closed");
    refuses(r#"Path("/é\q")"#, (9, 2), "unknown escape `\\q`");
    refuses(r#"Path("/\'")"#, (8, 2), "unknown escape `\\'`");
    refuses(r#"Path("/\x4")"#, (8, 2), "unknown escape `\\x`");
    refuses(r#"Path("/\400")"#, (8, 2), "unknown escape `\\4`");
    refuses(r#"Path("/\ud800")"#, (8, 2), "unknown escape `\\u`");
    refuses(r#"Path("/\xff")"#, (6, 7), "string is not valid UTF-8");
    refuses("Host('a')", (6, 1), "single quotes do not make a string");
    hints("Host('a')", "write it between backticks or double quotes");
}

#[test]
fn names_have_four_spellings() {
    for name in ["PathPrefix", "pathprefix", "PATHPREFIX", "Pathprefix"] {
        accepts(&format!("{name}(`/a`)"), "PathPrefix(`/a`)");
    }
    accepts("clientip(`10.0.0.1`) && Clientip(`::1`)", "ClientIP(`10.0.0.1`) && ClientIP(`::1`)");
    for name in ["pathPrefix", "hOst", "HOst", "PATHprefix", "ClientIp"] {
        refuses(&format!("{name}(`/a`)"), (1, name.len()), &format!("unknown matcher `{name}`"));
    }
    hints("pathPrefix(`/a`)", "did you mean `PathPrefix`?");
    hints("Host(`a`) && Headers(`a`, `b`)", "did you mean `Header`?");
    refuses("Path(`/é`) || Hots(`a`)", (15, 4), "unknown matcher `Hots`");
    hints("Hots(`a`)", "did you mean `Host`?");
    refuses("Cookie(`a`, `b`)", (1, 6), "unknown matcher `Cookie`");
}

#[test]
fn each_matcher_takes_its_number_of_arguments() {
    refuses("Host()", (1, 4), "`Host` takes 1 argument, 0 given");
    refuses("Path(`/x`) && Host(`a`, `b`)", (15, 4), "`Host` takes 1 argument, 2 given");
    hints("Host(`a`, `b`)", "write Host(`a`) || Host(`b`)");
    refuses("Header(`a`)", (1, 6), "`Header` takes 2 arguments, 1 given");
    refuses("Query(`a`, `b`, `c`)", (1, 5), "`Query` takes 1 or 2 arguments, 3 given");
    refuses("Query(`q`, ``)", (12, 2), "argument of `Query` is empty");
    refuses("Header(`X`, ``)", (13, 2), "argument of `Header` is empty");
    refuses("Header(`X`, 1)", (13, 1), "arguments are strings");
    refuses("Path(Path(`/a`))", (6, 4), "arguments are strings");
    refuses("Path((`/a`))", (6, 1), "arguments are strings");
    refuses("Path(`/a` `/b`)", (11, 4), "expected `,` or `)`, found `/b`".replace("/b", "`/b`").as_str());
    refuses("Path(", (6, 1), "expected `)`, found the end of the rule");
    refuses("Path(`/a`", (10, 1), "expected `,` or `)`, found the end of the rule");
}

#[test]
fn arguments_are_checked_where_they_stand() {
    refuses("Host(`a`) && Path(`b`)", (19, 3), "path `b` does not begin with `/`");
    refuses("PathPrefix(`b`)", (12, 3), "path `b` does not begin with `/`");
    refuses("Host(`bücher.example`)", (6, 16), "non-ASCII characters are not allowed in a host");
    hints("Host(`bücher.example`)", "write international names in punycode, `xn--…`");
    refuses("HostRegexp(`é`)", (12, 3), "non-ASCII characters are not allowed in a host");
    refuses("HostRegexp(`(a`)", (12, 4), "invalid pattern: unclosed group");
    refuses("PathRegexp(`^/look(?=x)`)", (12, 13), "invalid pattern: invalid or unsupported group `(?=x)`");
    refuses("HeaderRegexp(`a`, `[`)", (19, 3), "invalid pattern: missing closing `]`");
    refuses("QueryRegexp(`a`, `a**`)", (18, 5), "invalid pattern: repetition of a repetition at `*`");
    refuses("ClientIP(`300.1.1.1`)", (10, 11), "`300.1.1.1` is neither an IP address nor a CIDR");
    refuses("Host(`.`)", (6, 3), "the host has no name");
}

#[test]
fn other_operators_are_refused() {
    refuses("", (1, 1), "rule is empty");
    refuses(" \n ", (1, 1), "rule is empty");
    refuses("Path(`/a`) &&", (14, 1), "expected a matcher, found the end of the rule");
    refuses("(Path(`/a`)", (12, 1), "expected `)`, found the end of the rule");
    refuses("Path(`/a`))", (11, 1), "expected `&&`, `||` or the end of the rule, found `)`");
    refuses("`/a` || Path(`/a`)", (1, 4), "a value alone is no rule; a matcher is expected");
    refuses("Path", (5, 1), "expected `(` after `Path`, found the end of the rule");
    refuses("Path(`/a`) == Path(`/b`)", (12, 2), "expected `&&`, `||` or the end of the rule, found `==`");
    hints("Path(`/a`) == Path(`/b`)", "rules know the operators `&&`, `||` and `!` only");
    hints("Path(`/a`) & Path(`/b`)", "write `&&`");
    hints("Path(`/a`) and Path(`/b`)", "write `&&`");
    hints("Path(`/a`) OR Path(`/b`)", "write `||`");
    refuses("-Path(`/a`)", (1, 1), "expected a matcher, found `-`");
    refuses("Path(`/a`);", (11, 1), "expected `&&`, `||` or the end of the rule, found `;`");
    refuses("Path(`/a`) \u{a0}", (12, 1), "unexpected character `\\u{a0}`");
    refuses("Path(`/a`) /* x", (12, 2), "comment is not closed");
    refuses("Path(`/a`) || || Path(`/b`)", (15, 2), "expected a matcher, found `||`");
    refuses("Path(`/a`) != Path(`/b`)", (12, 2), "expected `&&`, `||` or the end of the rule, found `!=`");
}

#[test]
fn nesting_is_bounded_but_length_is_not() {
    let text = format!("{}Path(`/a`){}", "(".repeat(99), ")".repeat(99));
    accepts(&text, "Path(`/a`)");
    refuses(&format!("{}Path(`/a`)", "!".repeat(1000)), (101, 1), "rule is nested too deep");
    let many = vec!["Path(`/a`)"; 20_000].join(" || ");
    accepts(&many, &many);
}

#[test]
fn tcp_rules_have_their_own_matchers() {
    let message = |text: &str| parse_tcp(text).unwrap_err().to_string();
    assert_eq!(message("Host(`a`)"), "unknown matcher `Host`");
    assert_eq!(message("HostSNI(`a`, `b`)"), "`HostSNI` takes 1 argument, 2 given");
    assert_eq!(message("HostSNI(`*.*.a`)"), "`*.*.a` is not a valid host name");
    assert_eq!(message("HostSNI(`a b`)"), "`a b` is not a valid host name");
    assert_eq!(message("HostSNI(`é`)"), "non-ASCII characters are not allowed in a host");
    assert_eq!(message("HostSNIRegexp(`é`)"), "non-ASCII characters are not allowed in a host");
    assert_eq!(message("ALPN(`acme-tls/1`)"), "protocol `acme-tls/1` is reserved for certificate challenges");
    assert_eq!(message("ClientIP(`a`)"), "`a` is neither an IP address nor a CIDR");
    assert!(parse_tcp("HOSTSNI(`a_b.c-d:1`) && alpn(`h2`)").is_ok());
}
