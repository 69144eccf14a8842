//! Members that are null count as absent: several official clients write `null` for what they do not have.

use serde::{Deserialize, Deserializer};

/// The default for null; for `#[serde(default, deserialize_with = "...")]`.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
