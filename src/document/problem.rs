//! One mistake in a configuration: where it stands, what it is, and what may help.
//!
//! `Display` gives the form for people, over several lines; [`Problem::summary`] fits a log line;
//! serialised it is what `check --output json` prints.

use std::fmt;

use serde::ser::{Serialize, SerializeStruct, Serializer};

/// One mistake, or one thing worth a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    /// A stable name of the kind of mistake, such as `unknown_key`.
    pub code: &'static str,
    /// The sentence: lower case, no full stop.
    pub message: String,
    pub origin: Origin,
    /// Dotted key path inside the object or the document; empty when it concerns the whole.
    pub path: String,
    /// The object it concerns, as in ``router `shop@file` ``.
    pub object: Option<String>,
    pub hint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Error,
    Warning,
}

/// Where the text with the mistake came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    #[default]
    None,
    File {
        path: String,
        /// From 1; 0 when only the file is known.
        line: u32,
        /// From 1, in characters; 0 when only the line is known.
        column: u32,
        /// How many characters from `column` on are meant.
        width: u32,
        /// The whole line, without its end.
        excerpt: Option<String>,
    },
    /// A flag, as in `--entrypoints.web.address`.
    Flag(String),
    /// An environment variable's name.
    Environment(String),
    /// An object that is no file, as in `IngressRoute shop/web`.
    Object(String),
}

/// Longest part of a line that is shown.
const EXCERPT_CHARS: usize = 160;

// === impl Severity ===

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Origin ===

impl Origin {
    /// A file as a whole.
    pub fn file(path: impl Into<String>) -> Self {
        Self::File { path: path.into(), line: 0, column: 0, width: 0, excerpt: None }
    }

    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// On one line: `shop.yaml:14:13`, ``flag `--api` ``.
    fn write_short(&self, f: &mut dyn fmt::Write) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::File { path, line: 0, .. } => f.write_str(path),
            Self::File { path, line, column: 0, .. } => write!(f, "{path}:{line}"),
            Self::File { path, line, column, .. } => write!(f, "{path}:{line}:{column}"),
            Self::Flag(name) => write!(f, "flag `{name}`"),
            Self::Environment(name) => write!(f, "environment variable `{name}`"),
            Self::Object(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_short(f)
    }
}

// === impl Problem ===

impl Problem {
    pub fn error(code: &'static str, message: impl fmt::Display) -> Self {
        Self::new(Severity::Error, code, &message)
    }

    pub fn warning(code: &'static str, message: impl fmt::Display) -> Self {
        Self::new(Severity::Warning, code, &message)
    }

    /// An invalid value of one field: what `Config::build` answers most.
    pub fn field(path: impl Into<String>, message: impl fmt::Display) -> Self {
        let mut problem = Self::error("invalid_value", message);
        problem.path = path.into();
        problem
    }

    fn new(severity: Severity, code: &'static str, message: &dyn fmt::Display) -> Self {
        Self {
            severity,
            code,
            message: message.to_string(),
            origin: Origin::None,
            path: String::new(),
            object: None,
            hint: None,
        }
    }

    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.code = code;
        self
    }

    /// The same with another severity.
    #[must_use]
    pub fn with_severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    #[must_use]
    pub fn at(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// Sets the key path.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Puts a key in front of the path: what stood at `average` stands at `rateLimit.average`.
    #[must_use]
    pub fn under(mut self, key: &str) -> Self {
        self.path = join(key, &self.path);
        self
    }

    /// Names the object, as in ``router `shop@file` ``.
    #[must_use]
    pub fn in_object(mut self, object: impl Into<String>) -> Self {
        self.object = Some(object.into());
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// ``did you mean `x`?``, when there is a near name.
    #[must_use]
    pub fn did_you_mean(self, name: Option<&str>) -> Self {
        match name {
            Some(name) => self.hint(format!("did you mean `{name}`?")),
            None => self,
        }
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Everything on one line, for logs and the API.
    pub fn summary(&self) -> String {
        let mut text = self.message.clone();
        let place = self.place();
        if !place.is_empty() {
            text.push_str(" (");
            text.push_str(&place);
            text.push(')');
        }
        if let Some(hint) = &self.hint {
            text.push_str("; ");
            text.push_str(hint);
        }
        text
    }

    /// Origin, object and path, as far as they are known.
    fn place(&self) -> String {
        let mut place = self.origin.to_string();
        if let Some(object) = &self.object {
            place.push_str(if place.is_empty() { "in " } else { ", in " });
            place.push_str(object);
        }
        if !self.path.is_empty() {
            place.push_str(match (&self.origin, place.is_empty()) {
                (_, true) => "",
                (Origin::Object(_), false) if self.object.is_none() => ": ",
                (_, false) => ", ",
            });
            place.push_str(&self.path);
        }
        place
    }

    /// The line with the carets under the part that is meant.
    fn write_excerpt(
        &self,
        f: &mut fmt::Formatter<'_>,
        excerpt: &str,
        column: u32,
        width: u32,
    ) -> fmt::Result {
        let (line, offset) = window(excerpt, (column.max(1) - 1) as usize);
        let room = line.chars().count().saturating_sub(offset).max(1);
        let carets = (width.max(1) as usize).min(room);
        write!(f, "\n   | {line}\n   | {:offset$}{:^<carets$}", "", "")?;
        match &self.object {
            Some(object) => write!(f, " in {object}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, self.message)?;
        match &self.origin {
            Origin::File { column, width, excerpt: Some(excerpt), .. } if *column > 0 => {
                write!(f, "\n  --> {}", self.origin)?;
                self.write_excerpt(f, excerpt, *column, *width)?;
            }
            Origin::None
            | Origin::File { .. }
            | Origin::Flag(_)
            | Origin::Environment(_)
            | Origin::Object(_) => {
                let place = self.place();
                if !place.is_empty() {
                    write!(f, "\n  --> {place}")?;
                }
            }
        }
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (file, line, column) = match &self.origin {
            Origin::File { path, line, column, .. } => (Some(path.as_str()), *line, *column),
            Origin::None | Origin::Flag(_) | Origin::Environment(_) | Origin::Object(_) => (None, 0, 0),
        };
        let origin = match &self.origin {
            Origin::None | Origin::File { .. } => None,
            Origin::Flag(_) | Origin::Environment(_) | Origin::Object(_) => Some(self.origin.to_string()),
        };
        let mut out = serializer.serialize_struct("Problem", 10)?;
        out.serialize_field("severity", self.severity.as_str())?;
        out.serialize_field("code", self.code)?;
        out.serialize_field("message", &self.message)?;
        out.serialize_field("file", &file)?;
        out.serialize_field("line", &Some(line).filter(|n| *n > 0))?;
        out.serialize_field("column", &Some(column).filter(|n| *n > 0))?;
        out.serialize_field("origin", &origin)?;
        out.serialize_field("path", &Some(&self.path).filter(|path| !path.is_empty()))?;
        out.serialize_field("object", &self.object)?;
        out.serialize_field("hint", &self.hint)?;
        out.end()
    }
}

/// Joins two key paths; an index (`[0]`) takes no dot.
pub fn join(parent: &str, child: &str) -> String {
    match (parent.is_empty(), child.is_empty()) {
        (true, _) => child.to_owned(),
        (_, true) => parent.to_owned(),
        _ if child.starts_with('[') => format!("{parent}{child}"),
        _ => format!("{parent}.{child}"),
    }
}

/// The part of a line that is shown, and where in it the offset falls. Tabs become one space, so that
/// the carets stand under what they mean; other control characters are not let through to a terminal.
fn window(line: &str, offset: usize) -> (String, usize) {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let skipped =
        if line.chars().count() > EXCERPT_CHARS { offset.saturating_sub(EXCERPT_CHARS / 2) } else { 0 };
    (line.chars().skip(skipped).take(EXCERPT_CHARS).map(clean).collect(), offset - skipped)
}

#[cfg(test)]
mod tests;
