//! A value as serde's data: what fails carries the place where it failed.

use std::fmt;

use serde::de::value::StringDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::problem::{Problem, join};
use crate::read::at;
use crate::value::{Kind, Member, Place, Value};

/// Reads a type from a value as it stands, without a schema: for types that are not ours.
pub fn deserialize<T: DeserializeOwned>(value: &Value) -> Result<T, Problem> {
    T::deserialize(value).map_err(|error| {
        let place = if error.place.is_none() { value.place } else { error.place };
        Problem::error("invalid_value", error.message).with_path(error.path).at(at(place))
    })
}

/// A serde error on its way up to [`deserialize`].
#[derive(Debug)]
pub struct Error {
    message: String,
    place: Place,
    path: String,
}

impl Error {
    /// Adds what the level above knows.
    fn under(mut self, key: &str, place: Place) -> Self {
        if self.place.is_none() {
            self.place = place;
        }
        self.path = join(key, &self.path);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), place: Place::NONE, path: String::new() }
    }
}

impl<'de> Deserializer<'de> for &'de Value {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(value) => visitor.visit_bool(*value),
            Kind::Integer(value) => visitor.visit_i64(*value),
            Kind::Float { value, .. } => visitor.visit_f64(*value),
            Kind::String(text) => visitor.visit_borrowed_str(text),
            Kind::Sequence(items) => visitor.visit_seq(Items { items: items.iter().enumerate() }),
            Kind::Mapping(members) => visitor.visit_map(Members { members: members.iter(), at: None }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.kind {
            Kind::String(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            Kind::Mapping(members) => match members.as_slice() {
                [member] => visitor.visit_enum(Variant { member }),
                _ => Err(de::Error::custom(format_args!(
                    "exactly one key is wanted here, not {}",
                    members.len()
                ))),
            },
            other => Err(de::Error::custom(format_args!("a name is wanted here, not {other}"))),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for &'de Value {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

struct Items<'de> {
    items: std::iter::Enumerate<std::slice::Iter<'de, Value>>,
}

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some((index, item)) = self.items.next() else {
            return Ok(None);
        };
        seed.deserialize(item).map(Some).map_err(|error| error.under(&format!("[{index}]"), item.place))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Members<'de> {
    members: std::slice::Iter<'de, Member>,
    at: Option<&'de Member>,
}

impl<'de> de::MapAccess<'de> for Members<'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.at = self.members.next();
        let Some(member) = self.at else { return Ok(None) };
        let key = StringDeserializer::<Error>::new(member.key.clone());
        seed.deserialize(key).map(Some).map_err(|error| error.under(&member.key, member.key_place))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let Some(member) = self.at.take() else {
            return Err(de::Error::custom("a value without a key"));
        };
        seed.deserialize(&member.value).map_err(|error| error.under(&member.key, place_of(member)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.members.len())
    }
}

/// A scalar is meant itself; anything larger is best shown by its key.
fn place_of(member: &Member) -> Place {
    match member.value.kind {
        Kind::Bool(_) | Kind::Integer(_) | Kind::Float { .. } | Kind::String(_) => member.value.place,
        Kind::Null | Kind::Sequence(_) | Kind::Mapping(_) => member.key_place,
    }
}

struct Variant<'de> {
    member: &'de Member,
}

impl<'de> de::EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        let key = StringDeserializer::<Error>::new(self.member.key.clone());
        let name =
            seed.deserialize(key).map_err(|error| error.under(&self.member.key, self.member.key_place))?;
        Ok((name, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        let member = self.member;
        seed.deserialize(&member.value).map_err(|error| error.under(&member.key, place_of(member)))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.struct_variant(&[], visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let member = self.member;
        member.value.deserialize_any(visitor).map_err(|error| error.under(&member.key, place_of(member)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::{Format, parse};

    #[derive(Debug, PartialEq, Deserialize)]
    struct Thing {
        number: u16,
        #[serde(default)]
        map: BTreeMap<String, Option<f64>>,
        #[serde(default)]
        list: Vec<Kind>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "camelCase")]
    enum Kind {
        Unit,
        Text(String),
        Pair { a: bool },
    }

    fn read(text: &str) -> Result<Thing, String> {
        let (value, _) = parse(text, Format::Yaml).unwrap();
        deserialize(&value).map_err(|problem| problem.summary())
    }

    #[test]
    fn reads_every_kind() {
        assert_eq!(
            read("number: 1\nmap: {a: 1.5, b: 2, c: }\nlist: [unit, text: x, pair: {a: true}]\n"),
            Ok(Thing {
                number: 1,
                map: [("a".into(), Some(1.5)), ("b".into(), Some(2.0)), ("c".into(), None)].into(),
                list: vec![Kind::Unit, Kind::Text("x".into()), Kind::Pair { a: true }],
            })
        );
    }

    #[test]
    fn an_error_knows_its_place_and_path() {
        let check = |text: &str, expected: &str| assert_eq!(read(text), Err(expected.to_owned()));
        check("number: 70000\n", "invalid value: integer `70000`, expected u16 (:1:9, number)");
        check("number: 1\nmap:\n  a: x\n", "invalid type: string \"x\", expected f64 (:3:6, map.a)");
        check(
            "number: 1\nlist:\n- unit\n- pair: {a: 1}\n",
            "invalid type: integer `1`, expected a boolean (:4:13, list[1].pair.a)",
        );
        check("map: {}\n", "missing field `number` (:1:1)");
        check(
            "number: 1\nlist: [{unit: , text: x}]\n",
            "exactly one key is wanted here, not 2 (:2:8, list[0])",
        );
    }
}
