//! How path and query are written before they are signed. Each official client has a way of its own; they agree when
//! no key occurs twice and no value needs an escape.
//!
//! No way may make two requests with different meaning look alike, or a signature for the one would pass for the
//! other. So a way is left out where it would drop a parameter, make up a value, or hide where one ends. One pair is
//! left: Java's text for an escaped plus sign is JavaScript's for a plain one. Mail addresses have plus signs, so
//! Java's must pass. And the order of equal names is not covered, since Python and Java sort by value too: nothing may
//! depend on it.

use std::cmp::Ordering;

use super::{SEPARATOR, Target};

/// What we sign: the path as it is; the query sorted by name and form-encoded anew, as Go does.
pub(super) fn to_sign(path: &str, query: Option<&str>) -> Target {
    let query = query.unwrap_or_default();
    let query = form_encoded(query, |left, right| left.0.cmp(&right.0)).unwrap_or_else(|| sorted(query));
    Target { path: if path.is_empty() { "/".to_owned() } else { path.to_owned() }, query }
}

/// What a client may have signed when it sent this, the likeliest first. At most seven.
pub(super) fn candidates(raw_path: &str, raw_query: Option<&str>) -> impl Iterator<Item = Target> {
    let raw_query = raw_query.unwrap_or_default();
    let mut queries = vec![sorted(raw_query)];
    // Go: by name alone. Python: by name and value.
    queries.extend(form_encoded(raw_query, |left, right| left.0.cmp(&right.0)));
    queries.extend(form_encoded(raw_query, Ord::cmp));
    queries.extend(decoded(raw_query));
    // JavaScript: what it signs may hold characters which the URL parser escapes later.
    queries.extend(unescaped(raw_query).as_deref().map(sorted));

    let mut paths = vec![raw_path.to_owned()];
    // Go signs the empty path as it is, and sends a slash.
    paths.extend((raw_path == "/").then(String::new));
    // Where the path ends must stay plain: the first separator in the signed text ends it.
    paths.extend(unescaped(raw_path).filter(|path| path != raw_path && !path.contains(SEPARATOR)));
    let first_query = queries.first().cloned();
    let last_query = queries.last().cloned();
    let with_raw_path: Vec<_> =
        queries.into_iter().map(|query| Target { path: raw_path.to_owned(), query }).collect();
    let with_other_path = paths.into_iter().skip(1).flat_map(move |path| {
        let queries = first_query.clone().into_iter().chain(last_query.clone());
        queries.map(move |query| Target { path: path.clone(), query })
    });
    with_raw_path.into_iter().chain(with_other_path)
}

/// JavaScript: raw parameters, sorted by raw name, equal names as they come.
fn sorted(query: &str) -> String {
    let mut parameters: Vec<_> = query.split('&').collect();
    parameters.sort_by(|left, right| name_of(left).encode_utf16().cmp(name_of(right).encode_utf16()));
    parameters.join("&")
}

fn name_of(parameter: &str) -> &str {
    parameter.split_once('=').map_or(parameter, |(name, _)| name)
}

/// Go and Python: parameters decoded, sorted, encoded again by the rules of forms. None if a parameter has an escape
/// that is none, or a semicolon: Go drops those, and a signature must not hold for what it does not cover.
fn form_encoded(
    query: &str,
    compare: impl Fn(&(Vec<u8>, Vec<u8>), &(Vec<u8>, Vec<u8>)) -> Ordering,
) -> Option<String> {
    if query.contains(';') {
        return None;
    }
    let mut pairs = Vec::new();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        pairs.push((percent_decoded(name)?, percent_decoded(value)?));
    }
    pairs.sort_by(compare);
    let mut encoded = String::with_capacity(query.len());
    for (name, value) in &pairs {
        if !encoded.is_empty() {
            encoded.push('&');
        }
        push_form_encoded(&mut encoded, name);
        encoded.push('=');
        push_form_encoded(&mut encoded, value);
    }
    Some(encoded)
}

/// Java: `name=value` decoded, sorted as a whole, not encoded again. None if the decoded text would not tell where a
/// parameter or an escape begins; and if there is no value, which Java writes as the value `null`.
fn decoded(query: &str) -> Option<String> {
    if query.is_empty() {
        return None;
    }
    let mut items = Vec::new();
    for parameter in query.split('&') {
        let (name, value) = parameter.split_once('=')?;
        let (name, value) = (text_decoded(name)?, text_decoded(value)?);
        if name.contains(['&', '%', '=']) || value.contains(['&', '%']) {
            return None;
        }
        items.push(format!("{name}={value}"));
    }
    items.sort_by(|left, right| left.encode_utf16().cmp(right.encode_utf16()));
    Some(items.join("&"))
}

fn text_decoded(text: &str) -> Option<String> {
    String::from_utf8(percent_decoded(text)?).ok()
}

/// By the rules of forms, where `+` is a space. None if an escape is none.
fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'%' => {
                let (byte, after) = escaped_byte(after)?;
                decoded.push(byte);
                rest = after;
            }
            b'+' => decoded.push(b' '),
            _ => decoded.push(byte),
        }
    }
    Some(decoded)
}

/// Undoes the escapes that a URL parser makes of characters which may not stand in a URL, and no others: never
/// those of delimiters. None if what comes out is not UTF-8.
fn unescaped(text: &str) -> Option<String> {
    let mut undone = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match escaped_byte(after) {
            Some((escaped, after)) if byte == b'%' && is_escaped_by_parsers(escaped) => {
                undone.push(escaped);
                rest = after;
            }
            _ => undone.push(byte),
        }
    }
    String::from_utf8(undone).ok()
}

const fn is_escaped_by_parsers(byte: u8) -> bool {
    matches!(byte, b' ' | b'"' | b'\'' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' | 0x80..)
}

/// The byte of two hexadecimal digits at the beginning, and what comes behind.
fn escaped_byte(text: &[u8]) -> Option<(u8, &[u8])> {
    let ([high, low], rest) = text.split_first_chunk()?;
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    let byte = u8::try_from(digit(high)? * 16 + digit(low)?).ok()?;
    Some((byte, rest))
}

fn push_form_encoded(out: &mut String, bytes: &[u8]) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for &byte in bytes {
        match byte {
            b' ' => out.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => out.extend(['%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]),
        }
    }
}
