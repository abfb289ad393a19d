//! A span of time as Go writes it: `1h30m`, `500ms`; a plain number is seconds.
//!
//! Signed, as in Go: `flushInterval: -1ms` means at once.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A signed span of time, in nanoseconds: Go's `time.Duration`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration {
    nanos: i64,
}

/// The text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    #[error("`{0}` is not a duration: write it as `30s`, `1m30s` or `500ms`, or as a number of seconds")]
    Syntax(String),
    #[error("`{text}` is not a duration: unknown unit `{unit}`, use ns, us, ms, s, m or h")]
    Unit { text: String, unit: String },
    #[error("the duration `{0}` is too long")]
    Overflow(String),
}

const MICROSECOND: i64 = 1_000;
const MILLISECOND: i64 = 1_000_000;
const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

// === impl Duration ===

impl Duration {
    pub const ZERO: Self = Self { nanos: 0 };

    pub const fn from_nanos(nanos: i64) -> Self {
        Self { nanos }
    }

    pub const fn from_millis(millis: i64) -> Self {
        Self { nanos: millis.saturating_mul(MILLISECOND) }
    }

    pub const fn from_secs(secs: i64) -> Self {
        Self { nanos: secs.saturating_mul(SECOND) }
    }

    pub const fn as_nanos(self) -> i64 {
        self.nanos
    }

    pub const fn is_zero(self) -> bool {
        self.nanos == 0
    }

    pub const fn is_negative(self) -> bool {
        self.nanos < 0
    }

    /// The standard type; what is negative becomes zero.
    pub const fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_nanos(if self.nanos < 0 { 0 } else { self.nanos.unsigned_abs() })
    }

    /// `None` unless positive: where zero and less mean "no limit".
    pub fn positive(self) -> Option<std::time::Duration> {
        (self.nanos > 0).then(|| self.to_std())
    }
}

impl From<std::time::Duration> for Duration {
    fn from(duration: std::time::Duration) -> Self {
        Self { nanos: i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX) }
    }
}

impl FromStr for Duration {
    type Err = DurationError;

    /// A number of seconds, or what Go's `time.ParseDuration` takes.
    fn from_str(text: &str) -> Result<Self, DurationError> {
        if let Ok(secs) = text.parse::<i64>() {
            return secs
                .checked_mul(SECOND)
                .map(Self::from_nanos)
                .ok_or_else(|| DurationError::Overflow(text.to_owned()));
        }
        let syntax = || DurationError::Syntax(text.to_owned());
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest.is_empty() {
            return Err(syntax());
        }
        let mut nanos: i128 = 0;
        while !rest.is_empty() {
            let (term, after) = term(text, rest)?;
            nanos += term;
            if nanos > i128::from(i64::MAX) {
                return Err(DurationError::Overflow(text.to_owned()));
            }
            rest = after;
        }
        let nanos = if negative { -nanos } else { nanos };
        i64::try_from(nanos).map(Self::from_nanos).map_err(|_| DurationError::Overflow(text.to_owned()))
    }
}

/// One `number unit` at the start of `rest`, in nanoseconds, and what follows it.
fn term<'a>(text: &str, rest: &'a str) -> Result<(i128, &'a str), DurationError> {
    let syntax = || DurationError::Syntax(text.to_owned());
    let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(syntax)?;
    let (number, after) = rest.split_at(number_end);
    if number.is_empty() {
        return Err(syntax());
    }
    let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
    let (unit, after) = after.split_at(unit_end);
    let unit = match unit {
        "ns" => 1,
        // The micro sign and the Greek letter, as in Go.
        "us" | "µs" | "μs" => MICROSECOND,
        "ms" => MILLISECOND,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        _ => {
            return Err(DurationError::Unit { text: text.to_owned(), unit: unit.to_owned() });
        }
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(syntax());
    }
    let overflow = |_| DurationError::Overflow(text.to_owned());
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(overflow)? };
    Ok((i128::from(whole) * i128::from(unit) + scale(fraction, unit), after))
}

/// A fraction's digits times the unit; digits below a nanosecond are cut.
fn scale(digits: &str, unit: i64) -> i128 {
    let mut value: i128 = 0;
    let mut divisor: i128 = 1;
    for digit in digits.bytes().take(18) {
        value = value * 10 + i128::from(digit - b'0');
        divisor *= 10;
    }
    value * i128::from(unit) / divisor
}

impl fmt::Display for Duration {
    /// As Go prints it: `1h30m0s`, `1.5s`, `100ms`, `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.nanos.unsigned_abs();
        if self.nanos < 0 {
            f.write_str("-")?;
        }
        let [micro, milli, second, minute, hour] =
            [MICROSECOND, MILLISECOND, SECOND, MINUTE, HOUR].map(i64::unsigned_abs);
        match nanos {
            0 => f.write_str("0s"),
            n if n < micro => write!(f, "{n}ns"),
            n if n < milli => write_decimal(f, n, micro, "µs"),
            n if n < second => write_decimal(f, n, milli, "ms"),
            n => {
                if n >= hour {
                    write!(f, "{}h", n / hour)?;
                }
                if n >= minute {
                    write!(f, "{}m", n % hour / minute)?;
                }
                write_decimal(f, n % minute, second, "s")
            }
        }
    }
}

fn write_decimal(f: &mut fmt::Formatter<'_>, nanos: u64, unit: u64, name: &str) -> fmt::Result {
    write!(f, "{}", nanos / unit)?;
    let fraction = nanos % unit;
    if fraction > 0 {
        let digits = unit.ilog10() as usize;
        let text = format!("{fraction:0digits$}");
        write!(f, ".{}", text.trim_end_matches('0'))?;
    }
    f.write_str(name)
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as `30s`, or a number of seconds")
    }

    fn visit_i64<E: de::Error>(self, secs: i64) -> Result<Duration, E> {
        self.visit_str(&secs.to_string())
    }

    fn visit_u64<E: de::Error>(self, secs: u64) -> Result<Duration, E> {
        self.visit_str(&secs.to_string())
    }

    fn visit_f64<E: de::Error>(self, secs: f64) -> Result<Duration, E> {
        // Some readers make every number a float; Go refuses real fractions of a plain number.
        if secs.fract() != 0.0 || !secs.is_finite() {
            return Err(E::invalid_value(de::Unexpected::Float(secs), &self));
        }
        self.visit_str(&format!("{secs:.0}"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        text.trim().parse().map_err(E::custom)
    }
}

impl JsonSchema for Duration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "format": "duration",
            "description": "A duration such as `1m30s`, or a number of seconds."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, nanos: i64) {
        assert_eq!(text.parse::<Duration>().map(Duration::as_nanos), Ok(nanos), "{text}");
    }

    fn refuses(text: &str, message: &str) {
        assert_eq!(text.parse::<Duration>().unwrap_err().to_string(), message);
    }

    #[test]
    fn reads_what_go_reads() {
        check("0", 0);
        check("1h30m", 90 * MINUTE);
        check("500ms", 500 * MILLISECOND);
        check("1.5h", 90 * MINUTE);
        check(".5s", 500 * MILLISECOND);
        check("1.s", SECOND);
        check("-1ms", -MILLISECOND);
        check("+2s", 2 * SECOND);
        check("1us2µs3μs", 6 * MICROSECOND);
        check("0.000000001s", 1);
        check("100m", 100 * MINUTE);
    }

    #[test]
    fn a_plain_number_is_seconds() {
        check("30", 30 * SECOND);
        check("-1", -SECOND);
        let read = |text: &str| serde_json::from_str::<Duration>(text).map_err(|e| e.to_string());
        assert_eq!(read("42"), Ok(Duration::from_secs(42)));
        assert_eq!(read("\"42\""), Ok(Duration::from_secs(42)));
        assert_eq!(read("42.0"), Ok(Duration::from_secs(42)));
        assert!(read("4.2").is_err());
        assert!(read("true").is_err());
    }

    #[test]
    fn refuses_the_rest_with_a_reason() {
        refuses("", "`` is not a duration: write it as `30s`, `1m30s` or `500ms`, or as a number of seconds");
        refuses(
            "s",
            "`s` is not a duration: write it as `30s`, `1m30s` or `500ms`, or as a number of seconds",
        );
        refuses("1d", "`1d` is not a duration: unknown unit `d`, use ns, us, ms, s, m or h");
        refuses("300000000h", "the duration `300000000h` is too long");
        refuses("9223372036854775807", "the duration `9223372036854775807` is too long");
        assert!("1.2.3s".parse::<Duration>().is_err());
        assert!("1h-2m".parse::<Duration>().is_err());
        assert!("1.5".parse::<Duration>().is_err());
        assert!("999999999999999999999s".parse::<Duration>().is_err());
        assert!("1²s".parse::<Duration>().is_err());
    }

    #[test]
    fn prints_as_go_and_reads_back() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (2_200_000, "2.2ms"),
            (100 * MILLISECOND, "100ms"),
            (1_500 * MILLISECOND, "1.5s"),
            (90 * SECOND, "1m30s"),
            (HOUR, "1h0m0s"),
            (5 * HOUR + MILLISECOND, "5h0m0.001s"),
            (-10 * SECOND, "-10s"),
            (i64::MAX, "2562047h47m16.854775807s"),
        ] {
            assert_eq!(Duration::from_nanos(nanos).to_string(), text);
            check(text, nanos);
        }
        assert_eq!(serde_json::to_string(&Duration::from_secs(10)).unwrap(), "\"10s\"");
    }

    #[test]
    fn zero_and_less_are_no_limit() {
        assert_eq!(Duration::from_secs(-1).positive(), None);
        assert_eq!(Duration::ZERO.positive(), None);
        assert_eq!(Duration::from_secs(1).positive(), Some(std::time::Duration::from_secs(1)));
        assert_eq!(Duration::from_secs(-1).to_std(), std::time::Duration::ZERO);
    }
}
