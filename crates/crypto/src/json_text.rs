//! JSON text of string maps, to the byte: what signatures of records and notes cover.
//!
//! The rules are those of ECMAScript's `JSON.stringify`: no spaces; `"`, `\` and the characters below U+0020 escaped,
//! nothing else.

use std::fmt::Write as _;

use zeroize::Zeroizing;

/// How the letters of a `\u00xx` escape are written. JavaScript writes them small, Java large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HexCase {
    Lower,
    Upper,
}

/// The order of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyOrder {
    /// As they came.
    Received,
    /// By UTF-16 code unit, as Java and JavaScript compare strings.
    Utf16,
    /// As JavaScript lists the keys of an object that got them as they came: array indices first, by number.
    JsReceived,
    /// As JavaScript lists the keys of an object that got them sorted.
    JsUtf16,
}

/// Bytes that [`write_object`] writes, for making room beforehand: growing would leave copies of secrets behind.
pub(crate) fn object_len_bytes(entries: &[(&str, &str)]) -> usize {
    // Quotes, colon and comma of each entry, and the braces.
    2 + entries
        .iter()
        .map(|(key, value)| 6 + escaped_len_bytes(key) + escaped_len_bytes(value))
        .sum::<usize>()
}

/// `{"key":"value",…}`.
pub(crate) fn write_object(
    out: &mut Zeroizing<String>,
    entries: &[(&str, &str)],
    order: KeyOrder,
    hex: HexCase,
) {
    let mut entries = entries.to_vec();
    if matches!(order, KeyOrder::Utf16 | KeyOrder::JsUtf16) {
        entries.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
    }
    if matches!(order, KeyOrder::JsReceived | KeyOrder::JsUtf16) {
        // Stable: the others keep their order behind the indices.
        entries.sort_by_cached_key(|(key, _)| array_index(key).map_or(u64::MAX, u64::from));
    }
    out.push('{');
    for (at, (key, value)) in entries.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_string(out, key, hex);
        out.push(':');
        write_string(out, value, hex);
    }
    out.push('}');
}

/// `"text"`.
pub(crate) fn write_string(out: &mut Zeroizing<String>, text: &str, hex: HexCase) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..' ' => {
                let code = u32::from(character);
                // Writing to a string does not fail.
                let _ = match hex {
                    HexCase::Lower => write!(out, "\\u{code:04x}"),
                    HexCase::Upper => write!(out, "\\u{code:04X}"),
                };
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

fn escaped_len_bytes(text: &str) -> usize {
    let len_bytes = |byte| match byte {
        b'"' | b'\\' | 8 | b'\t' | b'\n' | 12 | b'\r' => 2,
        0..b' ' => 6,
        _ => 1,
    };
    text.bytes().map(len_bytes).sum()
}

/// The number of a key that JavaScript takes for an array index: canonical decimal, below 2^32 - 1.
fn array_index(key: &str) -> Option<u32> {
    let index = key.parse::<u32>().ok().filter(|index| *index != u32::MAX)?;
    (index.to_string() == key).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(entries: &[(&str, &str)], order: KeyOrder) -> String {
        let mut out = Zeroizing::new(String::new());
        write_object(&mut out, entries, order, HexCase::Lower);
        out.to_string()
    }

    #[test]
    fn lower_case_text_is_that_of_serde_json() {
        let all: String = (0..0x300).filter_map(char::from_u32).chain("日本😀\u{2028}".chars()).collect();
        let mut out = Zeroizing::new(String::new());
        write_string(&mut out, &all, HexCase::Lower);
        assert_eq!(*out, serde_json::to_string(&all).unwrap());
        assert_eq!(out.len(), escaped_len_bytes(&all) + 2);
    }

    #[test]
    fn room_is_made_for_all_of_an_object() {
        let entries = [("a\u{1}", "\"\n"), ("é", "\u{1f}")];
        let mut out = Zeroizing::new(String::with_capacity(object_len_bytes(&entries)));
        let capacity = out.capacity();
        write_object(&mut out, &entries, KeyOrder::Utf16, HexCase::Upper);
        assert_eq!(out.capacity(), capacity);
    }

    #[test]
    fn orders() {
        let entries =
            [("b", ""), ("10", ""), ("9", ""), ("01", ""), ("～", ""), ("😀", ""), ("4294967295", "")];
        let keys = |order| object(&entries, order).replace([':', '"'], "");
        assert_eq!(keys(KeyOrder::Received), "{b,10,9,01,～,😀,4294967295}");
        assert_eq!(keys(KeyOrder::Utf16), "{01,10,4294967295,9,b,😀,～}");
        assert_eq!(keys(KeyOrder::JsReceived), "{9,10,b,01,～,😀,4294967295}");
        assert_eq!(keys(KeyOrder::JsUtf16), "{9,10,01,4294967295,b,😀,～}");
    }
}
