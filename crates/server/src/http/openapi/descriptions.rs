//! Descriptions in the OpenAPI document: comments of the code, made readable outside of it.

use serde_json::Value;
use tozstore_api::{
    BEARER, DEFAULT_SEARCH_COUNT, DEFAULT_TERM_SEARCH_LIMIT, GENERAL_CLIENT, GROUP_SHARING, KEY_PAPER,
    KEY_PASSWORD, MAX_BATCH_RECORDS, MAX_CLIENT_LOOKUPS, MAX_CLIENT_NAME_BYTES, MAX_FIELD_NAME_BYTES,
    MAX_FILE_BYTES, MAX_GROUP_LOOKUPS, MAX_HOOK_TRIGGERS, MAX_HOOK_URL_BYTES, MAX_MEMBERS_PER_REQUEST,
    MAX_PLAIN_ENTRIES, MAX_RECORD_FIELDS, MAX_SEARCH_COUNT, MAX_TERM_SEARCH_LIMIT, MAX_TERM_SEARCH_TOTAL,
    RAW, UNLIMITED_VIEWS,
};

use crate::http::records::MAX_ANSWER_DATA_BYTES;

/// Descriptions are comments of the code: what links to other code there is a plain name here.
pub(super) fn clean(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(clean),
        Value::Object(map) => {
            for (name, value) in map {
                match value {
                    Value::String(text) if name == "description" || name == "summary" => {
                        *text = without_links(text);
                    }
                    _ => clean(value),
                }
            }
        }
        _ => {}
    }
}

/// Turns ``[`Name`](target)`` and ``[`Name`]`` into `` `Name` ``, and names of limits into numbers.
fn without_links(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, link)) = rest.split_once("[`") {
        let (name, after) = link.split_once("`]").unwrap_or((link, ""));
        plain.push_str(before);
        plain.push_str(&value_of(name).unwrap_or_else(|| format!("`{name}`")));
        rest = match after.strip_prefix('(').and_then(|target| target.split_once(')')) {
            Some((_, after)) => after,
            None => after,
        };
    }
    plain.push_str(rest);
    plain
}

/// What a constant that descriptions name stands for.
fn value_of(name: &str) -> Option<String> {
    macro_rules! find {
        ($($format:literal: $($constant:ident)+;)+) => {
            match name {
                $($(_ if name == stringify!($constant) => Some(format!($format, $constant)),)+)+
                _ => None,
            }
        };
    }
    find! {
        "{}": DEFAULT_SEARCH_COUNT DEFAULT_TERM_SEARCH_LIMIT MAX_ANSWER_DATA_BYTES MAX_BATCH_RECORDS MAX_CLIENT_LOOKUPS
            MAX_CLIENT_NAME_BYTES MAX_FIELD_NAME_BYTES MAX_FILE_BYTES MAX_GROUP_LOOKUPS
            MAX_HOOK_TRIGGERS MAX_HOOK_URL_BYTES MAX_MEMBERS_PER_REQUEST
            MAX_PLAIN_ENTRIES MAX_RECORD_FIELDS MAX_SEARCH_COUNT MAX_TERM_SEARCH_LIMIT MAX_TERM_SEARCH_TOTAL
            UNLIMITED_VIEWS;
        "`{}`": BEARER GENERAL_CLIENT GROUP_SHARING KEY_PAPER KEY_PASSWORD RAW;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_become_names_and_limits_numbers() {
        for (text, plain) in [
            ("no link", "no link"),
            ("[`a`], of [`A`](Self::A) or [`B`]", "`a`, of `A` or `B`"),
            ("At most [`MAX_BATCH_RECORDS`], of [`RAW`]", "At most 1000, of `raw`"),
            ("half [`a", "half `a`"),
        ] {
            assert_eq!(without_links(text), plain);
        }
    }
}
