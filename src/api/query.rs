//! The query of a request to the API, decoded.

/// Names and values in the order they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(query: Option<&str>) -> Self {
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        // What is not decodable is left out, as Go does.
        Self(
            pairs
                .filter_map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    Some((decode(name, true)?, decode(value, true)?))
                })
                .collect(),
        )
    }

    /// The first value of that name; empty when there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Decodes escapes; `None` when one is broken or the result is no text. In queries `+` is a space.
pub(crate) fn decode(text: &str, plus_is_space: bool) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high << 4 | low).ok()?
            }
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::{Query, decode};

    #[test]
    fn decodes_names_and_values() {
        let query = Query::parse(Some("search=a%20b+c&page=2&page=3&%zz=1&flag"));
        assert_eq!(
            (query.get("search"), query.get("page"), query.get("flag"), query.get("x")),
            ("a b c", "2", "", "")
        );
        assert_eq!(query.all("page").collect::<Vec<_>>(), ["2", "3"]);
    }

    #[test]
    fn refuses_broken_escapes() {
        for text in ["%", "%4", "%g0", "%ff"] {
            assert_eq!(decode(text, false), None);
        }
        assert_eq!(decode("a+b%40c", false).as_deref(), Some("a+b@c"));
    }
}
