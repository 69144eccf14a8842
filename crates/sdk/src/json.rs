//! Typed records: a value of one's own type as the fields of a record, and back.
//!
//! Every member of the value becomes a field. Fields are strings, so that every client reads them: a member that is a
//! string is that string as it is, any other is its JSON text, and one that is null is left out. What the text stands
//! for is told by the type that it is read into: a `String` of `"5"` and a number of `5` both come back as they were.
//! Where the type does not tell (`serde_json::Value`, untagged enums, flattened members) a text that is a JSON number,
//! boolean, list or object is taken as one, and every other as a string.

use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer as _, MapAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

use crate::records::Write;
use crate::{Client, Error, Fields, Record};

impl Client {
    /// Writes a value of one's own type as a record: its members are the fields.
    ///
    /// ```no_run
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Reading { sensor: String, celsius: f64 }
    ///
    /// # async fn example(client: tozstore::Client) -> Result<(), tozstore::Error> {
    /// let reading = Reading { sensor: "attic".to_owned(), celsius: 21.5 };
    /// let record = client.write_json("reading", &reading).await?;
    /// let again: Reading = client.read(record.id()).await?.json()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Caller`] if the value is no object of members, or has none.
    pub fn write_json<T: serde::Serialize + ?Sized>(&self, record_type: &str, value: &T) -> Write {
        Write::new(self, record_type, fields_of(value))
    }
}

impl Record {
    /// The fields as a value of one's own type.
    ///
    /// # Errors
    /// [`Error::Caller`] if they do not fit the type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        T::deserialize(FieldsDeserializer(self.fields())).map_err(|error| {
            Error::Caller(format!("the record does not fit the type that was asked for: {error}"))
        })
    }

    /// Replaces all fields by those of a value of one's own type, here; [`Client::update`] writes them.
    ///
    /// # Errors
    /// [`Error::Caller`] if the value is no object of members.
    pub fn set_json<T: serde::Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        *self.fields_mut() = fields_of(value)?;
        Ok(())
    }
}

fn fields_of<T: serde::Serialize + ?Sized>(value: &T) -> Result<Fields, Error> {
    let value = serde_json::to_value(value)
        .map_err(|error| Error::Caller(format!("the value cannot be written as JSON: {error}")))?;
    let Value::Object(members) = value else {
        return Err(Error::Caller(
            "only a value with members, such as a struct or a map, can be a record".to_owned(),
        ));
    };
    let texts = members.into_iter().filter_map(|(name, member)| match member {
        Value::Null => None,
        Value::String(text) => Some((name, text)),
        other => Some((name, other.to_string())),
    });
    Ok(texts.collect())
}

type JsonError = serde_json::Error;

struct FieldsDeserializer<'a>(&'a Fields);

impl<'de> Deserializer<'de> for FieldsDeserializer<'de> {
    type Error = JsonError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_map(FieldsAccess { rest: self.0.iter(), value: None })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

struct FieldsAccess<'a, I> {
    rest: I,
    value: Option<&'a str>,
}

impl<'de, I: Iterator<Item = (&'de str, &'de str)>> MapAccess<'de> for FieldsAccess<'de, I> {
    type Error = JsonError;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, JsonError> {
        let Some((name, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<S: de::DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, JsonError> {
        let value = self.value.take().ok_or_else(|| de::Error::custom("a value without a name"))?;
        seed.deserialize(FieldDeserializer(value))
    }
}

/// One field: raw text where a string is wanted, JSON text elsewhere.
struct FieldDeserializer<'a>(&'a str);

/// Methods that read JSON text.
macro_rules! from_json_text {
    ($($method:ident)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
            whole(self.0, |json| json.$method(visitor))
        }
    )+};
}

/// Methods that read raw text.
macro_rules! from_raw_text {
    ($($method:ident)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
            visitor.visit_str(self.0)
        }
    )+};
}

impl<'de> Deserializer<'de> for FieldDeserializer<'de> {
    type Error = JsonError;

    from_raw_text! { deserialize_char deserialize_str deserialize_string deserialize_identifier }

    from_json_text! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_u8
        deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64
        deserialize_bytes deserialize_byte_buf deserialize_unit deserialize_seq deserialize_map
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match serde_json::from_str::<Value>(self.0) {
            Ok(Value::Null | Value::String(_)) | Err(_) => visitor.visit_str(self.0),
            Ok(value) => value.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        // None was left out.
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        whole(self.0, |json| json.deserialize_unit_struct(name, visitor))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, JsonError> {
        whole(self.0, |json| json.deserialize_tuple(len, visitor))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        whole(self.0, |json| json.deserialize_tuple_struct(name, len, visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        whole(self.0, |json| json.deserialize_struct(name, fields, visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        // A variant without content is its name, a raw string; one with content is an object.
        if variants.contains(&self.0) {
            return visitor.visit_enum(self.0.into_deserializer());
        }
        whole(self.0, |json| json.deserialize_enum(name, variants, visitor))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_unit()
    }
}

/// Reads a text that is JSON from its first to its last byte.
fn whole<'de, T>(
    text: &'de str,
    read: impl FnOnce(&mut serde_json::Deserializer<serde_json::de::StrRead<'de>>) -> Result<T, JsonError>,
) -> Result<T, JsonError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = read(&mut json)?;
    json.end()?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Shape {
        Dot,
        Circle(f64),
        Box { width: u32 },
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Wrapped(String);

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Everything {
        text: String,
        letter: char,
        wrapped: Wrapped,
        small: u8,
        large: u64,
        negative: i64,
        real: f64,
        single: f32,
        flag: bool,
        list: Vec<String>,
        pair: (u8, String),
        nested: BTreeMap<String, Option<u8>>,
        shapes: Vec<Shape>,
        shape: Shape,
        maybe_text: Option<String>,
        maybe_number: Option<u8>,
        id: tozstore_crypto::RecordId,
        untyped: Value,
    }

    fn everything(text: &str, shape: Shape, some: bool) -> Everything {
        Everything {
            text: text.to_owned(),
            letter: '5',
            wrapped: Wrapped(text.to_owned()),
            small: 5,
            large: u64::MAX,
            negative: i64::MIN,
            real: 0.1 + 0.2,
            single: 0.1,
            flag: true,
            list: vec![text.to_owned(), String::new()],
            pair: (1, "two".to_owned()),
            nested: BTreeMap::from([("a".to_owned(), None), ("b".to_owned(), Some(1))]),
            shapes: vec![Shape::Dot, Shape::Circle(1.0)],
            shape,
            maybe_text: some.then(|| text.to_owned()),
            maybe_number: some.then_some(7),
            id: "a1111111-1111-4111-8111-111111111111".parse().unwrap(),
            untyped: serde_json::json!({"n": [1, 2.5, "three", null]}),
        }
    }

    #[test]
    fn values_come_back_exactly() {
        for text in
            ["", "plain", "5", "true", "null", "\"quoted\"", "{\"a\":1}", "[", " 5 ", "é\u{0}\u{1F511}"]
        {
            for shape in [Shape::Dot, Shape::Circle(2.5), Shape::Box { width: 3 }] {
                for some in [true, false] {
                    let value = everything(text, shape.clone(), some);
                    let fields = fields_of(&value).unwrap();
                    assert_eq!(fields.value("text"), Some(text));
                    assert_eq!(fields.value("maybe_text").is_some(), some);
                    assert_eq!(Everything::deserialize(FieldsDeserializer(&fields)).unwrap(), value);
                }
            }
        }
    }

    #[test]
    fn fields_are_readable_for_other_clients() {
        let fields =
            fields_of(&serde_json::json!({"a": "raw", "b": 1.5, "c": [1, "x"], "d": null, "e": false}))
                .unwrap();
        let pairs: Vec<_> = fields.iter().collect();
        assert_eq!(pairs, [("a", "raw"), ("b", "1.5"), ("c", "[1,\"x\"]"), ("e", "false")]);
        let untyped = Value::deserialize(FieldsDeserializer(&fields)).unwrap();
        assert_eq!(untyped, serde_json::json!({"a": "raw", "b": 1.5, "c": [1, "x"], "e": false}));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(fields_of(&5).is_err());
        assert!(fields_of("text").is_err());
        let fields = Fields::from([("n", "5 apples")]);
        assert!(BTreeMap::<String, u8>::deserialize(FieldsDeserializer(&fields)).is_err());
        assert!(BTreeMap::<String, String>::deserialize(FieldsDeserializer(&fields)).is_ok());
    }
}
