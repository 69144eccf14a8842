//! Text forms of bytes: base64 with the URL-safe alphabet and no padding (RFC 4648, section 5).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::ParseError;

const URL_SAFE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Base64url without padding.
pub fn encode_base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE.encode(bytes)
}

/// Bytes of a base64url text. Correct padding at the end is dropped, since one official client writes it; anything else that
/// is not canonical is refused.
///
/// # Errors
/// The text is not base64url.
pub fn decode_base64url(text: &str) -> Result<Vec<u8>, ParseError> {
    const EXPECTED: ParseError = ParseError::new("unpadded base64url");
    let unpadded = text.trim_end_matches('=');
    let padding_len = text.len() - unpadded.len();
    if padding_len > 2 || (padding_len > 0 && !text.len().is_multiple_of(4)) {
        return Err(EXPECTED);
    }
    URL_SAFE.decode(unpadded).map_err(|_| EXPECTED)
}

/// Exactly `N` bytes of a base64url text, wiped when dropped.
pub(crate) fn decode_array<const N: usize>(text: &str) -> Result<Zeroizing<[u8; N]>, ParseError> {
    let bytes = Zeroizing::new(decode_base64url(text)?);
    let mut array = Zeroizing::new([0; N]);
    if bytes.len() != N {
        return Err(ParseError::new("base64url of the right length"));
    }
    array.copy_from_slice(&bytes);
    Ok(array)
}

/// As [`decode_array`], but padding is refused too: there is one text of every value.
pub(crate) fn decode_array_strictly<const N: usize>(text: &str) -> Result<Zeroizing<[u8; N]>, ParseError> {
    if text.ends_with('=') { Err(ParseError::new("unpadded base64url")) } else { decode_array(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_dropped_and_other_forms_refused() {
        assert_eq!(decode_base64url("AA"), Ok(vec![0]));
        assert_eq!(decode_base64url("AA=="), Ok(vec![0]));
        // The standard alphabet, bits left over, white space, a lone character, padding that does not fit.
        for text in ["+/+/", "AB", "A A", "A", "AA=A", "AA=", "AA===", "AAAA=", "===="] {
            assert!(decode_base64url(text).is_err(), "{text}");
        }
    }
}
