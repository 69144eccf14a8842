//! Plain metadata of a record, and the expressions that search it.

use std::collections::BTreeMap;

use serde::de::{self, Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Plain metadata: readable by the server, searchable, at most [`MAX_PLAIN_ENTRIES`] entries.
///
/// Kept in the order in which the writer sent it, because signatures of some clients cover that order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = BTreeMap<String, String>))]
pub struct Plain(Vec<(String, String)>);

/// Entries that the plain metadata of one record may have.
pub const MAX_PLAIN_ENTRIES: usize = 256;
/// Bytes that one name in plain metadata may have.
pub const MAX_PLAIN_NAME_BYTES: usize = 512;
/// Bytes that one value in plain metadata may have.
pub const MAX_PLAIN_VALUE_BYTES: usize = 64 * 1024;

/// Levels of nesting and number of nodes that a search expression may have.
const MAX_EXPRESSION_DEPTH: usize = 16;
const MAX_EXPRESSION_NODES: usize = 256;

impl Plain {
    /// The value under `name`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All entries, in the writer's order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds an entry, or replaces the value of one that is there.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(key, _)| *key == name) {
            Some(entry) => entry.1 = value,
            None => self.0.push((name, value)),
        }
    }

    /// Parses the JSON object that [`Plain`] serialises to.
    ///
    /// # Errors
    /// The text is not an object of strings within the limits.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The JSON object, entries in the writer's order.
    pub fn to_json(&self) -> String {
        let map: Map<String, Value> =
            self.0.iter().map(|(k, v)| (k.clone(), Value::String(v.clone()))).collect();
        Value::Object(map).to_string()
    }
}

impl FromIterator<(String, String)> for Plain {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(entries: I) -> Self {
        let mut plain = Self::default();
        for (name, value) in entries {
            plain.insert(name, value);
        }
        plain
    }
}

impl serde::Serialize for Plain {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.entries())
    }
}

impl<'de> Deserialize<'de> for Plain {
    /// An object of strings. Official clients' types allow any JSON value there: numbers and booleans are taken as
    /// their text; other values are refused.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = Map::<String, Value>::deserialize(deserializer)?;
        if map.len() > MAX_PLAIN_ENTRIES {
            return Err(de::Error::custom(format_args!(
                "plain metadata has more than {MAX_PLAIN_ENTRIES} entries"
            )));
        }
        let entries = map.into_iter().map(|(name, value)| {
            let value = match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(flag) => flag.to_string(),
                _ => return Err(de::Error::custom("the values of plain metadata must be strings")),
            };
            if name.len() > MAX_PLAIN_NAME_BYTES || value.len() > MAX_PLAIN_VALUE_BYTES {
                return Err(de::Error::custom(format_args!(
                    "plain metadata allows names of {MAX_PLAIN_NAME_BYTES} and values of {MAX_PLAIN_VALUE_BYTES} bytes"
                )));
            }
            Ok((name, value))
        });
        entries.collect::<Result<Vec<_>, _>>().map(Self)
    }
}

/// A condition on plain metadata. An object of strings is one too: all of its entries are there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(rename_all = "lowercase", no_recursion))]
pub enum PlainExpression {
    /// All of them hold; true when there are none.
    And(Vec<PlainExpression>),
    /// The entry is there and has this value.
    Eq {
        /// Name of the entry.
        name: String,
        /// Its value, compared byte for byte.
        value: String,
    },
    /// It does not hold.
    Not(Box<PlainExpression>),
    /// One of them holds; false when there are none.
    Or(Vec<PlainExpression>),
}

impl PlainExpression {
    /// Whether the condition holds for this metadata.
    pub fn matches(&self, plain: &Plain) -> bool {
        match self {
            Self::And(all) => all.iter().all(|one| one.matches(plain)),
            Self::Eq { name, value } => plain.value(name) == Some(value),
            Self::Not(one) => !one.matches(plain),
            Self::Or(any) => any.iter().any(|one| one.matches(plain)),
        }
    }

    /// An equality that every match must fulfil, for a store that has an index on them.
    pub fn required_equality(&self) -> Option<(&str, &str)> {
        match self {
            Self::And(all) => all.iter().find_map(Self::required_equality),
            Self::Eq { name, value } => Some((name, value)),
            Self::Not(_) | Self::Or(_) => None,
        }
    }

    fn parse(value: Value, depth: usize, nodes: &mut usize) -> Result<Self, &'static str> {
        *nodes += 1;
        if depth > MAX_EXPRESSION_DEPTH || *nodes > MAX_EXPRESSION_NODES {
            return Err("the plain expression is too large");
        }
        let Value::Object(mut map) = value else {
            return Err("a plain expression is an object");
        };
        let operator = ["and", "eq", "not", "or"].into_iter().find(|name| map.contains_key(*name));
        // An official SDK types the filter as a flat map of names to values; any object without an operator is one.
        // An operator's name with a string under it is such an entry too.
        let (Some(operator), false) = (operator, map.values().all(Value::is_string)) else {
            return Self::parse_flat(map);
        };
        if map.len() != 1 {
            return Err("a plain expression has one operator: and, eq, not, or");
        }
        let operand = map.remove(operator).unwrap_or(Value::Null);
        match operator {
            "eq" => Self::parse_equality(operand),
            "not" => Ok(Self::Not(Box::new(Self::parse(operand, depth + 1, nodes)?))),
            _ => {
                let Value::Array(items) = operand else {
                    return Err("and, or take a list of plain expressions");
                };
                let items = items.into_iter().map(|item| Self::parse(item, depth + 1, nodes));
                let items = items.collect::<Result<Vec<_>, _>>()?;
                Ok(if operator == "and" { Self::And(items) } else { Self::Or(items) })
            }
        }
    }

    fn parse_equality(operand: Value) -> Result<Self, &'static str> {
        match operand {
            Value::Object(mut map) => match (map.remove("name"), map.remove("value")) {
                (Some(Value::String(name)), Some(Value::String(value))) => Ok(Self::Eq { name, value }),
                _ => Err("eq takes {\"name\": text, \"value\": text}"),
            },
            _ => Err("eq takes {\"name\": text, \"value\": text}"),
        }
    }

    fn parse_flat(map: Map<String, Value>) -> Result<Self, &'static str> {
        if map.len() > MAX_EXPRESSION_NODES {
            return Err("the plain expression is too large");
        }
        let equalities = map.into_iter().map(|(name, value)| match value {
            Value::String(value) => Ok(Self::Eq { name, value }),
            _ => Err("a plain expression is an operator (and, eq, not, or) or an object of strings"),
        });
        equalities.collect::<Result<Vec<_>, _>>().map(Self::And)
    }
}

impl<'de> Deserialize<'de> for PlainExpression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(Value::deserialize(deserializer)?, 0, &mut 0).map_err(de::Error::custom)
    }
}

impl serde::Serialize for PlainExpression {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::And(all) => BTreeMap::from([("and", all)]).serialize(serializer),
            Self::Eq { name, value } => {
                BTreeMap::from([("eq", BTreeMap::from([("name", name), ("value", value)]))])
                    .serialize(serializer)
            }
            Self::Not(one) => BTreeMap::from([("not", one)]).serialize(serializer),
            Self::Or(any) => BTreeMap::from([("or", any)]).serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Plain {
        Plain::from_json(text).unwrap()
    }

    #[test]
    fn order_is_kept() {
        let text = r#"{"z":"1","a":"2"}"#;
        assert_eq!(plain(text).to_json(), text);
    }

    #[test]
    fn operators() {
        let subject = plain(r#"{"flavor":"grape","active":"true"}"#);
        for (expression, expected) in [
            (r#"{"eq":{"name":"flavor","value":"grape"}}"#, true),
            (r#"{"eq":{"name":"flavor","value":"Grape"}}"#, false),
            (
                r#"{"and":[{"eq":{"name":"flavor","value":"grape"}},{"eq":{"name":"active","value":"true"}}]}"#,
                true,
            ),
            (r#"{"and":[]}"#, true),
            (r#"{"or":[]}"#, false),
            (r#"{"or":[{"eq":{"name":"x","value":"y"}},{"not":{"eq":{"name":"x","value":"y"}}}]}"#, true),
            (r#"{"flavor":"grape"}"#, true),
            (r#"{"flavor":"grape","active":"false"}"#, false),
            (r#"{"eq":"grape"}"#, false),
            ("{}", true),
        ] {
            let parsed: PlainExpression = serde_json::from_str(expression).unwrap();
            assert_eq!(parsed.matches(&subject), expected, "{expression}");
            let again: PlainExpression =
                serde_json::from_str(&serde_json::to_string(&parsed).unwrap()).unwrap();
            assert_eq!(again, parsed);
        }
    }

    #[test]
    fn malformed_expressions_are_refused() {
        let deep = format!("{}{}{}", r#"{"not":"#.repeat(40), r#"{"a":"b"}"#, "}".repeat(40));
        let cases = [
            r#"{"eq":{"name":"a"}}"#,
            r#"{"and":{}}"#,
            r#"{"eq":{},"and":[]}"#,
            "[]",
            r#"{"a":1}"#,
            deep.as_str(),
        ];
        for expression in cases {
            assert!(serde_json::from_str::<PlainExpression>(expression).is_err(), "{expression}");
        }
    }
}
