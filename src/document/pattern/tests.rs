//! Patterns of Go's syntax, with what they match and what they do not.

use super::{PatternError, compile, compile_bytes, decode, translate};

fn check(pattern: &str, matching: &[&str], others: &[&str]) {
    let regex = compile(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}"));
    for text in matching {
        assert!(regex.is_match(text), "{pattern} should match {text:?}, is {regex}");
    }
    for text in others {
        assert!(!regex.is_match(text), "{pattern} should not match {text:?}, is {regex}");
    }
    compile_bytes(pattern).unwrap_or_else(|e| panic!("{pattern} for bytes: {e}"));
}

fn refuses(pattern: &str) {
    assert!(compile(pattern).is_err(), "{pattern} should be refused, is {:?}", translate(pattern));
}

#[test]
fn plain_patterns_stay_as_they_are() {
    for pattern in ["^abc$", "a|b", "(a+b*?)c{2,3}", "^(?i)json", "(?P<n>x)", ".+", "(?s:.)", "(?im-s)x"] {
        assert_eq!(translate(pattern).unwrap(), pattern);
    }
}

#[test]
fn quoting() {
    check(r"^/\Qa.b+c\E$", &["/a.b+c"], &["/axb+c", "/a.bbc"]);
    check(r"^\Q[x", &["[x"], &["x"]);
    check(r"^\Qab\E+$", &["ab", "abbb"], &["abab"]);
    check(r"^\Q\E$", &[""], &["x"]);
}

#[test]
fn perl_classes_are_ascii() {
    check(r"^\d$", &["7"], &["٣", "a"]);
    check(r"^\D$", &["a", "٣", "é"], &["7"]);
    check(r"^\w$", &["a", "_", "9"], &["é", "-"]);
    check(r"^\W$", &["é", "-"], &["a"]);
    check(r"^\s$", &[" ", "\t", "\n"], &["\u{a0}", "\u{b}"]);
    check(r"^\S$", &["\u{a0}", "x"], &[" "]);
    check(r"^[\d-z]$", &["7", "-", "z"], &["a"]);
    check(r"^[^\d]$", &["a", "٣"], &["3"]);
    check(r"^[\D]$", &["a"], &["3"]);
}

#[test]
fn word_boundaries_are_ascii() {
    check(r"\bfoo\b", &["a foo b", "éfooé"], &["afoo"]);
    check(r"^a\Bb$", &["ab"], &["a"]);
}

#[test]
fn classes_know_no_set_operations() {
    check(r"^/[a&&b]$", &["/&", "/a", "/b"], &["/c"]);
    check(r"^[a[b]$", &["[", "a", "b"], &["c"]);
    check(r"^[a~~b]+$", &["a~b"], &["c"]);
    check(r"^[+--]$", &["+", ",", "-"], &["."]);
    check(r"^[]a]$", &["]", "a"], &["b"]);
    check(r"^[^]a]$", &["b"], &["]", "a"]);
    check(r"^[a-]$", &["a", "-"], &["b"]);
    check(r"^[-a]$", &["a", "-"], &["b"]);
    check(r"^[a-c-e]$", &["b", "-", "e"], &["d"]);
    check(r"^[#x y]$", &["#", " ", "x", "y"], &["z"]);
}

#[test]
fn posix_and_unicode_classes() {
    check(r"^[[:alpha:]]+$", &["abc"], &["ab1", "é"]);
    check(r"^[[:^digit:]x]$", &["a"], &["1"]);
    check(r"^[[:x]$", &["[", ":", "x"], &["y"]);
    check(r"^/\pL$", &["/é", "/a"], &["/1"]);
    check(r"^\p{Greek}\P{Greek}$", &["αa"], &["aa"]);
    check(r"^\p{^Greek}$", &["a"], &["α"]);
    check(r"^\P{^Greek}$", &["α"], &["a"]);
    check(r"^[\pN_]$", &["٣", "_"], &["a"]);
}

#[test]
fn escapes_of_one_character() {
    check(r"^/x\<y\>$", &["/x<y>"], &["/xy"]);
    check(r"^\/esc\-x\_\ \~$", &["/esc-x_ ~"], &["escx"]);
    check(r"^/\123$", &["/S"], &["/T"]);
    check(r"^\08$", &["\u{0}8"], &["8"]);
    check(r"^\x41\x{e9}$", &["Aé"], &["A"]);
    check(r"^[\x41-\103\]]$", &["A", "B", "C", "]"], &["D"]);
    check(r"^\a\f\v\t$", &["\u{7}\u{c}\u{b}\t"], &[""]);
    check(r"^/zz\z", &["/zz"], &["/zzz"]);
}

#[test]
fn braces_that_count_nothing_are_plain() {
    check(r"^{sub:[a-z]+}\.test$", &["{sub:abc}.test"], &["abc.test"]);
    check(r"^a{,2}$", &["a{,2}"], &["aa"]);
    check(r"^a{01}$", &["a{01}"], &["a"]);
    check(r"^a{2,}b{0}$", &["aa", "aaa"], &["a"]);
    check(r"^a{2,3}?$", &["aaa"], &["aaaa"]);
    check(r"^\b{start}$", &[], &["x"]);
}

#[test]
fn groups_and_flags() {
    check(r"^/(?P<n>ab)+$", &["/abab"], &["/aba"]);
    check(r"^/(?<n>ab)$", &["/ab"], &["/a"]);
    check(r"^(?i:x)Y$", &["XY", "xY"], &["xy"]);
    check(r"(?m)^b$", &["a\nb"], &["ab"]);
    check(r"^a.b$", &["aéb"], &["a\nb"]);
    check(r"a$", &["ba"], &["a\n"]);
}

#[test]
fn what_go_refuses_is_refused() {
    for pattern in [
        r"(?=x)",
        r"(?!x)",
        r"(?<=x)y",
        r"(?<!x)y",
        r"(?x)a",
        r"(?u)a",
        r"(?R)a",
        r"(a)\1",
        r"\8",
        r"\h",
        r"\C",
        r"\Z",
        r"\u{41}",
        r"\é",
        r"a**",
        r"a+*",
        r"a{2}{3}",
        r"a{1001}",
        r"a{3,2}",
        r"(unclosed",
        r"x)",
        r"[a",
        r"[",
        r"[b-a]",
        r"[a--b]",
        r"[[:nope:]]",
        r"[\b]",
        r"[a-\d]",
        r"\p{Nope}",
        r"\p",
        r"*a",
        r"\",
        r"\x4",
        r"\x{110000}",
        r"(?i",
    ] {
        refuses(pattern);
    }
}

#[test]
fn the_reason_is_one_line() {
    assert_eq!(compile("(x").unwrap_err(), PatternError::Engine("unclosed group".to_owned()));
}

#[test]
fn bytes_that_are_no_text_become_one_mark_each() {
    assert_eq!(decode(b"abc"), "abc");
    assert_eq!(decode(b"a\xff\xe2\x82b"), "a\u{fffd}\u{fffd}\u{fffd}b");
    assert!(compile("^a.b$").unwrap().is_match(&decode(b"a\xffb")));
}

#[test]
fn replacement_templates_need_no_translation() {
    let regex = compile(r"^/(?<first>\w+)/(\d+)$").unwrap();
    assert_eq!(regex.replace("/a/1", "$first-${2}x-$2x-$$"), "a-1x--$");
}
