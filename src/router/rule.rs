//! The rule as data: matchers joined by `&&`, `||` and `!`. `Display` gives a text that parses to the same rule.

use std::fmt;

use document::pattern::PatternError;

use crate::host::{BadHost, HostPattern};

/// A rule over the matchers `M`.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule<M> {
    /// All of at least two.
    And(Vec<Self>),
    /// One of at least two.
    Or(Vec<Self>),
    Not(Box<Self>),
    Matcher(M),
}

/// One function of the rule language: [`HttpMatcher`](crate::HttpMatcher) or [`TcpMatcher`](crate::TcpMatcher).
pub trait Matcher: Clone + fmt::Display + Sized {
    /// What a rule looks at.
    type View<'a>;

    /// Canonical names with the least and the largest number of arguments.
    const FUNCTIONS: &'static [(&'static str, usize, usize)];

    /// Makes the matcher `name`, a canonical one, of as many arguments as it takes, none of them empty.
    fn build(name: &str, arguments: &[&str]) -> Result<Self, BadArgument>;

    fn matches(&self, view: &Self::View<'_>) -> bool;

    /// The host it names, for the index and for certificates.
    fn host(&self) -> Option<&HostPattern>;

    /// What the index may know of the path it wants.
    fn path(&self) -> PathKey<'_>;

    /// True if it matches whatever it sees.
    fn is_always(&self) -> bool;

    /// What a test costs, compared with others.
    fn cost(&self) -> u8;

    /// The host and the path in a view.
    fn target<'v>(view: &'v Self::View<'_>) -> (&'v str, &'v str);
}

/// How a matcher bounds the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKey<'a> {
    /// Not at all, or in a way the index cannot use.
    Free,
    /// It is this one, and nothing else is asked.
    Exact(&'a str),
    /// It begins with this, and nothing else is asked.
    Prefix(&'a str),
    /// It begins with this, and there is more to test.
    Start(&'a str),
}

/// An argument that the matcher cannot take.
#[derive(Debug)]
pub struct BadArgument {
    pub(crate) index: usize,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

// === impl Rule ===

impl<M: Matcher> Rule<M> {
    pub fn matches(&self, view: &M::View<'_>) -> bool {
        match self {
            Self::And(rules) => rules.iter().all(|rule| rule.matches(view)),
            Self::Or(rules) => rules.iter().any(|rule| rule.matches(view)),
            Self::Not(rule) => !rule.matches(view),
            Self::Matcher(matcher) => matcher.matches(view),
        }
    }

    /// As [`Rule::matches`], but names the first term that was false: of an `&&` its first false part,
    /// of an `||` the whole of it, since all its parts were.
    pub fn evaluate(&self, view: &M::View<'_>) -> Result<(), String> {
        match self {
            Self::And(rules) => rules.iter().try_for_each(|rule| rule.evaluate(view)),
            _ if self.matches(view) => Ok(()),
            _ => Err(self.to_string()),
        }
    }

    /// The hosts it names, lower-case and without a final dot, in order and each once; `*` among them.
    // Traefik: a negation is ignored here too, so `!Host(…)` asks for a certificate as `Host(…)` does.
    pub fn hosts(&self) -> Vec<&str> {
        let mut hosts = Vec::new();
        self.each(&mut |matcher| {
            if let Some(host) = matcher.host().map(HostPattern::as_str) {
                hosts.push(host);
            }
        });
        let mut seen = std::collections::HashSet::new();
        hosts.retain(|host| seen.insert(*host));
        hosts
    }

    /// Calls `visit` with each matcher, left to right.
    pub fn each<'r>(&'r self, visit: &mut impl FnMut(&'r M)) {
        match self {
            Self::And(rules) | Self::Or(rules) => rules.iter().for_each(|rule| rule.each(visit)),
            Self::Not(rule) => rule.each(visit),
            Self::Matcher(matcher) => visit(matcher),
        }
    }
}

impl<M: fmt::Display> fmt::Display for Rule<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Parentheses also where precedence needs none: `a && (b && c)` is not the same data as `a && b && c`.
            Self::And(rules) => join(f, rules, " && ", |rule| matches!(rule, Self::And(_) | Self::Or(_))),
            Self::Or(rules) => join(f, rules, " || ", |rule| matches!(rule, Self::Or(_))),
            Self::Not(rule) => {
                f.write_str("!")?;
                write_term(f, rule, matches!(**rule, Self::And(_) | Self::Or(_)))
            }
            Self::Matcher(matcher) => matcher.fmt(f),
        }
    }
}

fn join<M: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    rules: &[Rule<M>],
    operator: &str,
    is_compound: impl Fn(&Rule<M>) -> bool,
) -> fmt::Result {
    for (position, rule) in rules.iter().enumerate() {
        if position > 0 {
            f.write_str(operator)?;
        }
        write_term(f, rule, is_compound(rule))?;
    }
    Ok(())
}

fn write_term<M: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    rule: &Rule<M>,
    in_parentheses: bool,
) -> fmt::Result {
    if in_parentheses { write!(f, "({rule})") } else { write!(f, "{rule}") }
}

// === impl BadArgument ===

impl BadArgument {
    /// A mistake in the first argument, the only one of most matchers.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { index: 0, message: message.into(), hint: None }
    }

    pub(crate) fn bad_pattern(error: &PatternError) -> Self {
        Self::new(format!("invalid pattern: {error}"))
    }

    pub(crate) fn bad_host(error: BadHost) -> Self {
        let bad = Self::new(error.to_string());
        if error == BadHost::NotAscii {
            bad.hint("write international names in punycode, `xn--…`")
        } else {
            bad
        }
    }

    pub(crate) fn bad_address(text: &str) -> Self {
        Self::new(format!("`{text}` is neither an IP address nor a CIDR"))
    }

    pub(crate) fn in_second(mut self) -> Self {
        self.index = 1;
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Writes `` name(`argument`, …) ``, in double quotes what backticks cannot hold.
pub(crate) fn write_call(f: &mut fmt::Formatter<'_>, name: &str, arguments: &[&str]) -> fmt::Result {
    write!(f, "{name}(")?;
    for (position, argument) in arguments.iter().enumerate() {
        if position > 0 {
            f.write_str(", ")?;
        }
        if argument.contains(['`', '\r', '\0']) {
            f.write_str("\"")?;
            argument.chars().try_for_each(|c| write_escaped(f, c))?;
            f.write_str("\"")?;
        } else {
            write!(f, "`{argument}`")?;
        }
    }
    f.write_str(")")
}

fn write_escaped(f: &mut fmt::Formatter<'_>, c: char) -> fmt::Result {
    match c {
        '"' | '\\' => write!(f, "\\{c}"),
        c if c.is_control() => write!(f, "\\U{:08x}", u32::from(c)),
        c => write!(f, "{c}"),
    }
}

#[cfg(test)]
pub(crate) mod tests;
