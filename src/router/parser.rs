//! Text → rule: the part of Go's expression grammar that rules are written in. Calls with string arguments, `!`, `&&`,
//! `||`, in this order of strength, and parentheses.

use crate::lexer::{self, Placed, Token};
use crate::rule::{Matcher, Rule};

/// The first mistake in a rule, with its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// Counted in characters from 1, line breaks included.
    pub column: usize,
    /// How many characters are wrong, at least one.
    pub width: usize,
    pub message: String,
    pub hint: Option<String>,
}

/// How deep parentheses and negations may go: the parser and all that walk a rule recurse.
const DEEPEST: usize = 100;

pub(crate) fn parse<M: Matcher>(text: &str) -> Result<Rule<M>, SyntaxError> {
    let tokens = lexer::tokens(text)?;
    let mut parser = Parser { text, tokens: tokens.iter().peekable(), depth: 0 };
    if parser.peek() == &Token::End {
        return Err(SyntaxError::new(text, 0, 0, "rule is empty"));
    }
    let rule = parser.or()?;
    parser.finish()?;
    Ok(rule)
}

struct Parser<'a> {
    text: &'a str,
    tokens: std::iter::Peekable<std::slice::Iter<'a, Placed>>,
    depth: usize,
}

// === impl Parser ===

impl<'a> Parser<'a> {
    fn or<M: Matcher>(&mut self) -> Result<Rule<M>, SyntaxError> {
        let mut rules = vec![self.and()?];
        while self.take(&Token::Or) {
            rules.push(self.and()?);
        }
        rules.shrink_to_fit();
        Ok(one_or(rules, Rule::Or))
    }

    fn and<M: Matcher>(&mut self) -> Result<Rule<M>, SyntaxError> {
        let mut rules = vec![self.term()?];
        while self.take(&Token::And) {
            rules.push(self.term()?);
        }
        // There are thousands, and they stay.
        rules.shrink_to_fit();
        Ok(one_or(rules, Rule::And))
    }

    fn term<M: Matcher>(&mut self) -> Result<Rule<M>, SyntaxError> {
        let placed = self.next();
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.error(placed, "rule is nested too deep"));
        }
        let rule = match &placed.token {
            Token::Not => Rule::Not(Box::new(self.term()?)),
            Token::Open => {
                let rule = self.or()?;
                if !self.take(&Token::Close) {
                    return Err(self.unexpected("`)`"));
                }
                rule
            }
            Token::Name(name) => Rule::Matcher(self.call(name, placed)?),
            Token::Text(_) | Token::Number(_) => {
                return Err(self.error(placed, "a value alone is no rule; a matcher is expected"));
            }
            _ => return Err(self.unexpected_at(placed, "a matcher")),
        };
        self.depth -= 1;
        Ok(rule)
    }

    fn call<M: Matcher>(&mut self, name: &str, placed: &Placed) -> Result<M, SyntaxError> {
        let Some(&(canonical, least, most)) =
            M::FUNCTIONS.iter().find(|(known, ..)| is_spelling(known, name))
        else {
            let names = M::FUNCTIONS.iter().map(|(known, ..)| *known);
            let error = self.error(placed, format!("unknown matcher `{name}`"));
            return Err(match document::name::nearest(name, names) {
                Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
                None => error,
            });
        };
        if !self.take(&Token::Open) {
            return Err(self.unexpected(&format!("`(` after `{canonical}`")));
        }
        let arguments = self.arguments()?;
        if arguments.len() < least || arguments.len() > most {
            return Err(self.wrong_count(placed, (canonical, least, most), &arguments));
        }
        if let Some((empty, _)) = arguments.iter().find(|(_, text)| text.is_empty()) {
            return Err(self.error(empty, format!("argument of `{canonical}` is empty")));
        }
        let values: Vec<&str> = arguments.iter().map(|(_, text)| *text).collect();
        M::build(canonical, &values).map_err(|bad| {
            let placed = arguments.get(bad.index).map_or(placed, |(placed, _)| placed);
            SyntaxError { hint: bad.hint, ..self.error(placed, bad.message) }
        })
    }

    /// The strings up to the closing parenthesis. As in Go a comma may follow the last.
    fn arguments(&mut self) -> Result<Vec<(&'a Placed, &'a str)>, SyntaxError> {
        let mut arguments = Vec::new();
        while !self.take(&Token::Close) {
            if self.peek() == &Token::End {
                return Err(self.unexpected("`)`"));
            }
            let placed = self.next();
            let Token::Text(text) = &placed.token else {
                let error = self.error(placed, "arguments are strings");
                return Err(error.hint("write them between backticks or double quotes"));
            };
            arguments.push((placed, text.as_str()));
            if !self.take(&Token::Comma) && self.peek() != &Token::Close {
                return Err(self.unexpected("`,` or `)`"));
            }
        }
        Ok(arguments)
    }

    fn wrong_count(
        &self,
        placed: &Placed,
        (name, least, most): (&str, usize, usize),
        arguments: &[(&Placed, &str)],
    ) -> SyntaxError {
        let wanted = if least == most { least.to_string() } else { format!("{least} or {most}") };
        let plural = if most == 1 { "" } else { "s" };
        let given = arguments.len();
        let error = self.error(placed, format!("`{name}` takes {wanted} argument{plural}, {given} given"));
        if most > 1 || given == 0 {
            return error;
        }
        let calls: Vec<_> = arguments.iter().map(|(_, text)| format!("{name}(`{text}`)")).collect();
        error.hint(format!("write {}", calls.join(" || ")))
    }

    fn finish(&mut self) -> Result<(), SyntaxError> {
        let ended = self.take(&Token::LineEnd);
        match self.peek() {
            Token::End => Ok(()),
            Token::And | Token::Or if ended => {
                let error = self.unexpected("the end of the rule");
                Err(error.hint("a line break ends the rule here; write the operator at the end of the line"))
            }
            Token::Name(name) if name.eq_ignore_ascii_case("and") => {
                Err(self.unexpected("`&&`, `||` or the end of the rule").hint("write `&&`"))
            }
            Token::Name(name) if name.eq_ignore_ascii_case("or") => {
                Err(self.unexpected("`&&`, `||` or the end of the rule").hint("write `||`"))
            }
            _ => Err(self.unexpected("`&&`, `||` or the end of the rule")),
        }
    }

    fn peek(&mut self) -> &Token {
        self.tokens.peek().map_or(&Token::End, |placed| &placed.token)
    }

    /// The next token. The end is given again and again.
    fn next(&mut self) -> &'a Placed {
        const END: &Placed = &Placed { token: Token::End, start: usize::MAX, end: usize::MAX };
        if self.peek() == &Token::End {
            return self.tokens.peek().copied().unwrap_or(END);
        }
        self.tokens.next().unwrap_or(END)
    }

    fn take(&mut self, token: &Token) -> bool {
        self.tokens.next_if(|placed| placed.token == *token).is_some()
    }

    fn unexpected(&mut self, wanted: &str) -> SyntaxError {
        let placed = self.next();
        self.unexpected_at(placed, wanted)
    }

    fn unexpected_at(&self, placed: &Placed, wanted: &str) -> SyntaxError {
        let found = match &placed.token {
            Token::End => "the end of the rule".to_owned(),
            Token::LineEnd => "a line break".to_owned(),
            _ => format!("`{}`", self.text.get(placed.start..placed.end).unwrap_or_default()),
        };
        let error = self.error(placed, format!("expected {wanted}, found {found}"));
        match &placed.token {
            Token::Operator(operator) if operator == "&" || operator == "|" => {
                error.hint(format!("write `{operator}{operator}`"))
            }
            Token::Operator(_) => error.hint("rules know the operators `&&`, `||` and `!` only"),
            _ => error,
        }
    }

    fn error(&self, placed: &Placed, message: impl Into<String>) -> SyntaxError {
        SyntaxError::new(self.text, placed.start, placed.end, message)
    }
}

fn one_or<M>(mut rules: Vec<Rule<M>>, join: impl Fn(Vec<Rule<M>>) -> Rule<M>) -> Rule<M> {
    match rules.pop() {
        Some(only) if rules.is_empty() => only,
        Some(last) => {
            rules.push(last);
            join(rules)
        }
        None => join(rules),
    }
}

/// `PathPrefix`, `pathprefix`, `PATHPREFIX` or `Pathprefix`, and no other: Traefik registers these four.
fn is_spelling(canonical: &str, name: &str) -> bool {
    if !canonical.eq_ignore_ascii_case(name) {
        return false;
    }
    let is_lower = |text: &str| !text.bytes().any(|b| b.is_ascii_uppercase());
    let is_upper = !name.bytes().any(|b| b.is_ascii_lowercase());
    name == canonical || is_upper || is_lower(name.get(1..).unwrap_or_default())
}

// === impl SyntaxError ===

impl SyntaxError {
    /// A mistake in the bytes from `start` to `end`.
    pub(crate) fn new(text: &str, start: usize, end: usize, message: impl Into<String>) -> Self {
        let characters = |end: usize| text.get(..end).unwrap_or(text).chars().count();
        let before = characters(start);
        Self {
            column: before + 1,
            width: characters(end).saturating_sub(before).max(1),
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

#[cfg(test)]
mod tests;
