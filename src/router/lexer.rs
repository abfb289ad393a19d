//! The tokens of a rule, as Go's scanner cuts them: strings in backticks or double quotes, comments, and a line break
//! that ends the expression when it follows a name, a literal or a closing bracket.

mod literal;

use crate::parser::SyntaxError;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Name(String),
    /// A string with its escapes resolved.
    Text(String),
    Number(String),
    Open,
    Close,
    Comma,
    And,
    Or,
    Not,
    /// A line break where the expression could have ended.
    LineEnd,
    /// Any other operator; none has a meaning here.
    Operator(String),
    End,
}

/// A token with its place, in bytes.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) token: Token,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Cuts a whole rule. The last token is [`Token::End`].
pub(crate) fn tokens(text: &str) -> Result<Vec<Placed>, SyntaxError> {
    let mut lexer = Lexer { text, rest: text, can_end: false, tokens: Vec::new() };
    while lexer.step()? {}
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    text: &'a str,
    rest: &'a str,
    /// Whether a line break here would end the expression.
    can_end: bool,
    tokens: Vec<Placed>,
}

// === impl Lexer ===

impl Lexer<'_> {
    /// Takes the next token, or blank space. False at the end.
    fn step(&mut self) -> Result<bool, SyntaxError> {
        let start = self.text.len() - self.rest.len();
        let Some(c) = self.rest.chars().next() else {
            self.tokens.push(Placed { token: Token::End, start, end: start });
            return Ok(false);
        };
        match c {
            ' ' | '\t' | '\r' => self.skip(1),
            '\n' => {
                self.line_end(start);
                self.skip(1);
            }
            '/' if self.rest.starts_with("//") => {
                self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
            }
            '/' if self.rest.starts_with("/*") => self.comment(start)?,
            '`' | '"' => {
                let (text, length) = literal::string(self.rest).map_err(|mistake| {
                    let (from, to) = mistake.range;
                    SyntaxError::new(self.text, start + from, start + to, mistake.message)
                })?;
                self.push(start, length, Token::Text(text));
            }
            '\'' => {
                let error =
                    SyntaxError::new(self.text, start, start + 1, "single quotes do not make a string");
                return Err(error.hint("write it between backticks or double quotes"));
            }
            c if c == '_' || c.is_alphabetic() => {
                let name = self.prefix(|c| c == '_' || c.is_alphanumeric());
                self.push(start, name.len(), Token::Name(name));
            }
            c if c.is_ascii_digit() => {
                let number = self.prefix(|c| c == '.' || c == '_' || c.is_alphanumeric());
                self.push(start, number.len(), Token::Number(number));
            }
            _ => self.operator(start)?,
        }
        Ok(true)
    }

    fn operator(&mut self, start: usize) -> Result<(), SyntaxError> {
        const KNOWN: [(&str, Token); 6] = [
            ("(", Token::Open),
            (")", Token::Close),
            (",", Token::Comma),
            ("&&", Token::And),
            ("||", Token::Or),
            ("!", Token::Not),
        ];
        let known = KNOWN.iter().find(|(text, _)| self.rest.starts_with(text));
        if let Some((text, token)) = known.filter(|_| !self.rest.starts_with("!=")) {
            self.push(start, text.len(), token.clone());
            return Ok(());
        }
        let other = self.prefix(|c| "=<>+-*/%&|^!~:;.?@#$[]{}\\".contains(c));
        if other.is_empty() {
            let width = self.rest.chars().next().map_or(0, char::len_utf8);
            let character = self.prefix_of(width);
            let message = format!("unexpected character `{}`", character.escape_debug());
            return Err(SyntaxError::new(self.text, start, start + width, message));
        }
        self.push(start, other.len(), Token::Operator(other));
        Ok(())
    }

    fn comment(&mut self, start: usize) -> Result<(), SyntaxError> {
        let Some(length) = self.rest.find("*/") else {
            return Err(SyntaxError::new(self.text, start, start + 2, "comment is not closed"));
        };
        // A comment over several lines counts as a line break.
        if self.prefix_of(length).contains('\n') {
            self.line_end(start);
        }
        self.skip(length + 2);
        Ok(())
    }

    fn line_end(&mut self, start: usize) {
        if std::mem::take(&mut self.can_end) {
            self.tokens.push(Placed { token: Token::LineEnd, start, end: start });
        }
    }

    fn push(&mut self, start: usize, length: usize, token: Token) {
        self.can_end = matches!(token, Token::Name(_) | Token::Text(_) | Token::Number(_) | Token::Close);
        self.tokens.push(Placed { token, start, end: start + length });
        self.skip(length);
    }

    fn prefix(&self, belongs: impl Fn(char) -> bool) -> String {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        self.prefix_of(end).to_owned()
    }

    fn prefix_of(&self, length: usize) -> &str {
        self.rest.get(..length).unwrap_or(self.rest)
    }

    fn skip(&mut self, length: usize) {
        self.rest = self.rest.get(length..).unwrap_or_default();
    }
}
