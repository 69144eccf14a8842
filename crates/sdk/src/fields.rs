//! The fields of a record, opened: names and secret values.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use indexmap::IndexMap;
use zeroize::Zeroizing;

/// The fields of one record, in order. Values are wiped when dropped, and `Debug` shows their lengths alone.
///
/// Made by [`fields!`](crate::fields) or from any map or list of pairs of strings.
#[derive(Default)]
pub struct Fields(IndexMap<String, Zeroizing<String>>);

/// Builds [`Fields`] from names and values: `fields! { "name" => "value", ... }`. A later value replaces an earlier one
/// of the same name.
#[macro_export]
macro_rules! fields {
    () => { $crate::Fields::default() };
    ($($name:expr => $value:expr),+ $(,)?) => {
        [$((::std::string::String::from($name), ::std::string::String::from($value))),+]
            .into_iter()
            .collect::<$crate::Fields>()
    };
}

impl Fields {
    /// The value of a field.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.as_str())
    }

    /// All fields, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a field, or replaces its value.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.insert_secret(name.into(), Zeroizing::new(value.into()));
    }

    /// Removes a field. Returns whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        self.0.shift_remove(name).is_some()
    }

    pub(crate) fn insert_secret(&mut self, name: String, value: Zeroizing<String>) {
        self.0.insert(name, value);
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut fields = Self::default();
        for (name, value) in pairs {
            fields.insert(name, value);
        }
        fields
    }
}

impl<K: Into<String>, V: Into<String>, const N: usize> From<[(K, V); N]> for Fields {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<K: Into<String>, V: Into<String>> From<Vec<(K, V)>> for Fields {
    fn from(pairs: Vec<(K, V)>) -> Self {
        pairs.into_iter().collect()
    }
}

impl<K: Into<String>, V: Into<String>> From<BTreeMap<K, V>> for Fields {
    fn from(pairs: BTreeMap<K, V>) -> Self {
        pairs.into_iter().collect()
    }
}

impl<K: Into<String>, V: Into<String>> From<HashMap<K, V>> for Fields {
    fn from(pairs: HashMap<K, V>) -> Self {
        pairs.into_iter().collect()
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lengths = self.iter().map(|(name, value)| (name, format!("{} bytes", value.len())));
        f.debug_map().entries(lengths).finish()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn debug_shows_lengths_alone() {
        let fields = fields! { "flavor" => "grape", "flavor" => "chocolate" };
        assert_eq!(format!("{fields:?}"), r#"{"flavor": "9 bytes"}"#);
        assert_eq!(fields.value("flavor"), Some("chocolate"));
    }
}
