//! YAML, from the events of saphyr-parser: scalars as Go's yaml.v3 takes them, anchors, aliases, merge keys.

use std::collections::HashMap;
use std::mem;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::{MAX_DEPTH, MAX_EXPANSION, MAX_PROBLEMS, at};
use crate::problem::Problem;
use crate::value::{Kind, Member, Place, Value};

/// All documents. After a broken one, reading goes on at the next line that starts with `---`.
/// `lines_before`: of the text that this one is a piece of.
pub(super) fn documents(text: &str, lines_before: u32) -> (Vec<Value>, Vec<Problem>) {
    let mut documents = Vec::new();
    let mut problems = Vec::new();
    let mut rest = text;
    let mut lines_before = lines_before;
    loop {
        let mut reader = Reader::new(rest, lines_before);
        let failure = reader.read_all(&mut documents).err();
        problems.append(&mut reader.problems);
        let Some(problem) = failure else { break };
        problems.push(problem);
        // From where the broken document starts, not from the error: an open bracket runs on into the next.
        let started = reader.document_line.saturating_sub(lines_before);
        let Some((line, offset)) = next_document(rest, started) else {
            break;
        };
        if problems.len() > MAX_PROBLEMS {
            break;
        }
        rest = rest.get(offset..).unwrap_or_default();
        lines_before += line - 1;
    }
    (documents, problems)
}

/// The first `---` line after the given line: its number and its offset.
fn next_document(text: &str, after: u32) -> Option<(u32, usize)> {
    let mut offset = 0;
    for (line, content) in (1..).zip(text.split_inclusive('\n')) {
        // Line 1 is where this attempt began: taking it again would never end.
        if line > after.max(1) && is_marker(content) {
            return Some((line, offset));
        }
        offset += content.len();
    }
    None
}

/// Does a document begin on this line?
pub(crate) fn is_marker(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    lines_before: u32,
    /// Where the document at hand starts.
    document_line: u32,
    anchors: HashMap<usize, (Value, usize)>,
    expanded: usize,
    problems: Vec<Problem>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, lines_before: u32) -> Self {
        Self {
            parser: Parser::new_from_str(text),
            lines_before,
            document_line: lines_before,
            anchors: HashMap::new(),
            expanded: 0,
            problems: Vec::new(),
        }
    }

    fn read_all(&mut self, documents: &mut Vec<Value>) -> Result<(), Problem> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentStart(_), span) => {
                    self.document_line = self.line(span.start);
                    self.anchors.clear();
                    let event = self.next()?;
                    let value = self.value(event, 0)?;
                    documents.push(value);
                }
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Problem> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(self.syntax(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn value(&mut self, (event, span): (Event<'t>, Span), depth: usize) -> Result<Value, Problem> {
        let place = self.place(span);
        if depth > MAX_DEPTH {
            return Err(fail(place, "too_deep", format!("nested more than {MAX_DEPTH} deep")));
        }
        let (kind, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => (scalar(&text, style, tag.as_deref()), anchor),
            Event::SequenceStart(anchor, _) => (self.sequence(depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.mapping(depth)?, anchor),
            Event::Alias(id) => return self.alias(id, place),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => (Kind::Null, 0),
        };
        let value = Value::new(kind, place);
        if anchor > 0 {
            let size = value.size();
            self.anchors.insert(anchor, (value.clone(), size));
        }
        Ok(value)
    }

    fn sequence(&mut self, depth: usize) -> Result<Kind, Problem> {
        let mut items = Vec::new();
        loop {
            let event = self.next()?;
            if matches!(event.0, Event::SequenceEnd | Event::StreamEnd) {
                return Ok(Kind::Sequence(items));
            }
            items.push(self.value(event, depth + 1)?);
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Kind, Problem> {
        let mut members: Vec<Member> = Vec::new();
        let mut merged: Vec<Member> = Vec::new();
        let mut seen = Keys::default();
        loop {
            let event = self.next()?;
            if matches!(event.0, Event::MappingEnd | Event::StreamEnd) {
                break;
            }
            let is_merge =
                matches!(&event.0, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let (key, key_place) = self.key(event, depth)?;
            let event = self.next()?;
            let value = self.value(event, depth + 1)?;
            if is_merge {
                self.merge(&mut merged, value, key_place);
            } else if let Some(first) = seen.insert(&key, key_place) {
                let message = format!("the key `{key}` is written twice, first on line {}", first.line);
                self.problems.push(Problem::error("duplicate_key", message).at(at(key_place)));
            } else {
                members.push(Member { key, key_place, value });
            }
        }
        for member in merged {
            if seen.insert(&member.key, member.key_place).is_none() {
                members.push(member);
            }
        }
        Ok(Kind::Mapping(members))
    }

    fn key(&mut self, event: (Event<'t>, Span), depth: usize) -> Result<(String, Place), Problem> {
        if let (Event::Scalar(text, ..), span) = &event
            && !matches!(&event.0, Event::Scalar(_, _, anchor, _) if *anchor > 0)
        {
            return Ok((text.clone().into_owned(), self.place(*span)));
        }
        let key = self.value(event, depth + 1)?;
        match key.scalar_text() {
            Some(text) => Ok((text, key.place)),
            None => Err(fail(key.place, "wrong_type", format!("a key must be a scalar, not {}", key.kind))),
        }
    }

    /// `<<: *base` or `<<: [*a, *b]`: the mapping's own keys win, then the earlier of the merged ones.
    fn merge(&mut self, merged: &mut Vec<Member>, value: Value, key_place: Place) {
        match value.kind {
            Kind::Mapping(members) => merged.extend(members),
            Kind::Sequence(items) if items.iter().all(Value::is_mapping) => {
                for item in items {
                    self.merge(merged, item, key_place);
                }
            }
            _ => self.problems.push(
                Problem::error("wrong_type", "`<<` merges a mapping or a list of mappings").at(at(key_place)),
            ),
        }
    }

    fn alias(&mut self, id: usize, place: Place) -> Result<Value, Problem> {
        let Some((value, size)) = self.anchors.get(&id) else {
            return Err(fail(place, "yaml_syntax", "an alias stands inside what its anchor names"));
        };
        self.expanded += size;
        if self.expanded > MAX_EXPANSION {
            return Err(fail(place, "too_large", format!("aliases make more than {MAX_EXPANSION} values")));
        }
        // The inner places stay those of the anchor, where a mistake must be mended.
        Ok(Value::new(value.kind.clone(), place))
    }

    fn place(&self, span: Span) -> Place {
        let (start, end) = (span.start, span.end);
        let width = if start.line() == end.line() { end.col().saturating_sub(start.col()) } else { 1 };
        Place::new(self.line(start), narrow(start.col()) + 1, narrow(width).max(1))
    }

    fn line(&self, marker: Marker) -> u32 {
        self.lines_before + narrow(marker.line())
    }

    fn syntax(&self, error: &ScanError) -> Problem {
        let place = Place::new(self.line(*error.marker()), narrow(error.marker().col()) + 1, 1);
        fail(place, "yaml_syntax", format!("this is not valid YAML: {}", error.info()))
    }
}

fn fail(place: Place, code: &'static str, message: impl Into<String>) -> Problem {
    Problem::error(code, message.into()).at(at(place))
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The keys of one mapping. Looked up by hash only once there are many: most mappings are small.
#[derive(Default)]
struct Keys {
    few: Vec<(String, Place)>,
    many: HashMap<String, Place>,
}

impl Keys {
    const FEW: usize = 16;

    /// The place of an equal key, if there is one; else remembers this one.
    fn insert(&mut self, key: &str, place: Place) -> Option<Place> {
        if self.many.is_empty() && self.few.len() < Self::FEW {
            if let Some((_, first)) = self.few.iter().find(|(known, _)| known == key) {
                return Some(*first);
            }
            self.few.push((key.to_owned(), place));
            return None;
        }
        if self.many.is_empty() {
            self.many = mem::take(&mut self.few).into_iter().collect();
        }
        match self.many.get(key) {
            Some(first) => Some(*first),
            None => {
                self.many.insert(key.to_owned(), place);
                None
            }
        }
    }
}

/// A scalar's kind. Quoted text is a string; plain text is what yaml.v3 makes of it.
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Kind {
    let string = || Kind::String(text.to_owned());
    match tag {
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix != "str" => plain(text),
        Some(_) => string(),
        None if style == ScalarStyle::Plain => plain(text),
        None => string(),
    }
}

fn plain(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "true" | "True" | "TRUE" => return Kind::Bool(true),
        "false" | "False" | "FALSE" => return Kind::Bool(false),
        _ => {}
    }
    if let Some(value) = integer(text) {
        return Kind::Integer(value);
    }
    match float(text) {
        Some(value) => Kind::Float { value, text: text.to_owned() },
        None => Kind::String(text.to_owned()),
    }
}

/// Decimal, `0x`, `0o`, `0b`, and with a leading zero octal, as yaml.v3 has it.
fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (digits, radix) = if let Some(digits) = digits.strip_prefix("0x") {
        (digits, 16)
    } else if let Some(digits) = digits.strip_prefix("0o") {
        (digits, 8)
    } else if let Some(digits) = digits.strip_prefix("0b") {
        (digits, 2)
    } else if digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()) {
        (digits.trim_start_matches('0'), 8)
    } else {
        (digits, 10)
    };
    // `000` has no digit left, and is zero.
    let digits = if digits.is_empty() && radix == 8 { "0" } else { digits };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
}

fn float(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    match digits {
        ".inf" | ".Inf" | ".INF" => {
            return Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY });
        }
        ".nan" | ".NaN" | ".NAN" => return Some(f64::NAN),
        _ => {}
    }
    let looks_like_one = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.bytes().any(|b| b.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    if looks_like_one { text.parse().ok() } else { None }
}
