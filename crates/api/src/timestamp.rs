//! Points in time, as every body of the protocol writes them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Microseconds since the Unix epoch, UTC.
///
/// The text is always `YYYY-MM-DDTHH:MM:SS.ffffffZ`, with exactly six digits of fraction. A fraction of zero is never
/// written, since one official client drops it and then cannot read its own text back: [`Timestamp::representable`]
/// moves such a value on by one microsecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, format = DateTime))]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// From text of RFC 3339: in UTC, or with an offset such as `+01:00`.
    ///
    /// # Errors
    /// The text is none.
    pub fn from_rfc3339(text: &str) -> Result<Self, TimestampError> {
        let Some((local, offset)) = text.len().checked_sub(6).and_then(|at| text.split_at_checked(at)) else {
            return Err(TimestampError);
        };
        let sign = match offset.as_bytes() {
            [b'+', _, _, b':', _, _] => 1,
            [b'-', _, _, b':', _, _] => -1,
            _ => return text.parse(),
        };
        let number = |range| digits(offset.get(range).ok_or(TimestampError)?);
        let (hours, minutes) = (number(1..3)?, number(4..6)?);
        if hours > 23 || minutes > 59 {
            return Err(TimestampError);
        }
        let local: Self = format!("{local}Z").parse()?;
        Ok(local.plus_seconds(-sign * (hours * 3600 + minutes * 60)))
    }

    /// This moment later by `seconds`; stops at the end of time.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(MICROS_PER_SECOND)))
    }

    /// The first moment at or after this one whose fraction is not zero.
    #[must_use]
    pub const fn representable(self) -> Self {
        if self.0.rem_euclid(MICROS_PER_SECOND) == 0 { Self(self.0 + 1) } else { self }
    }

    /// The first representable moment after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1).representable()
    }
}

impl Timestamp {
    /// Parses a time in any zone: as [`FromStr`] does, but with `Z` or an offset of the form `+hh:mm` or `-hh:mm`.
    ///
    /// # Errors
    /// The text has another form.
    pub fn from_any_zone(text: &str) -> Result<Self, TimestampError> {
        let Some(at) = text.len().checked_sub(6).filter(|at| text.is_char_boundary(*at)) else {
            return text.parse();
        };
        let (local, offset) = text.split_at(at);
        let sign = match offset.as_bytes() {
            [b'+', _, _, b':', _, _] => 1,
            [b'-', _, _, b':', _, _] => -1,
            _ => return text.parse(),
        };
        let (hours, minutes) = (digits(&offset[1..3])?, digits(&offset[4..6])?);
        if hours > 23 || minutes > 59 {
            return Err(TimestampError);
        }
        let local: Self = format!("{local}Z").parse()?;
        Ok(local.plus_seconds(-sign * (hours * 3600 + minutes * 60)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, rest) =
            (self.seconds().div_euclid(SECONDS_PER_DAY), self.seconds().rem_euclid(SECONDS_PER_DAY));
        let (year, month, day) = civil_from_days(days);
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        let micros = self.0.rem_euclid(MICROS_PER_SECOND);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }
}

/// The text is not a time in UTC of the form `YYYY-MM-DDTHH:MM:SS[.f]Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time of the form YYYY-MM-DDTHH:MM:SS.ffffffZ")]
pub struct TimestampError;

impl FromStr for Timestamp {
    type Err = TimestampError;

    /// Accepts one to nine digits of fraction, or none; digits past the sixth are cut off.
    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let text = text.strip_suffix('Z').ok_or(TimestampError)?;
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let bytes = whole.as_bytes();
        let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        if bytes.len() != 19 || separators.iter().any(|&(at, byte)| bytes[at] != byte) {
            return Err(TimestampError);
        }
        let number = |range: std::ops::Range<usize>| digits(whole.get(range).ok_or(TimestampError)?);
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        if !(1..=12).contains(&month) || !(1..=days_in_month(year, month)).contains(&day) {
            return Err(TimestampError);
        }
        if hour > 23 || minute > 59 || second > 59 || fraction.is_empty() || fraction.len() > 9 {
            return Err(TimestampError);
        }
        digits(fraction)?;
        let micros = digits(&format!("{fraction:0<6}")[..6])?;
        let seconds =
            days_from_civil(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
        Ok(Self(seconds * MICROS_PER_SECOND + micros))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

fn digits(text: &str) -> Result<i64, TimestampError> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(TimestampError);
    }
    text.parse().map_err(|_| TimestampError)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

// The two conversions count days in eras of 400 years that begin on the first of March, so that the leap day is the
// last of its year (H. Hinnant, "chrono-compatible low-level date algorithms").

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_six_digits_and_parses_back() {
        for (micros, text) in [
            (1, "1970-01-01T00:00:00.000001Z"),
            (1_706_704_496_123_456, "2024-01-31T12:34:56.123456Z"),
            (951_782_400_000_010, "2000-02-29T00:00:00.000010Z"),
        ] {
            assert_eq!(Timestamp::from_micros(micros).to_string(), text);
            assert_eq!(text.parse(), Ok(Timestamp::from_micros(micros)));
        }
    }

    #[test]
    fn times_of_other_zones_are_moved_to_utc() {
        for (text, expected) in [
            ("2024-01-31T12:34:56Z", "2024-01-31T12:34:56.000000Z"),
            ("2024-01-31T05:34:56.5-07:00", "2024-01-31T12:34:56.500000Z"),
            ("2024-03-01T00:30:00.123456+01:00", "2024-02-29T23:30:00.123456Z"),
        ] {
            assert_eq!(Timestamp::from_any_zone(text).unwrap().to_string(), expected);
        }
        for text in
            ["", "+01:00", "2024-01-31T12:34:56", "2024-01-31T12:34:56+0100", "2024-01-31T12:34:56+24:00"]
        {
            assert_eq!(Timestamp::from_any_zone(text), Err(TimestampError), "{text}");
        }
        for text in ["2024-01-31T12:34:56+0é:0", "2024-01-31T12:34:56+é:00", "é"] {
            assert_eq!(Timestamp::from_any_zone(text), Err(TimestampError), "{text}");
        }
    }

    #[test]
    fn whole_seconds_are_never_issued() {
        assert_eq!(Timestamp::from_micros(5_000_000).representable().micros(), 5_000_001);
        assert_eq!(Timestamp::from_micros(4_999_999).next().micros(), 5_000_001);
        assert_eq!(Timestamp::from_micros(7).next().micros(), 8);
    }

    #[test]
    fn offsets_are_taken_where_they_are_asked_for() {
        for (text, utc) in [
            ("2024-01-31T12:34:56.5Z", "2024-01-31T12:34:56.500000Z"),
            ("2024-01-31T12:34:56.5+01:30", "2024-01-31T11:04:56.500000Z"),
            ("2024-01-31T23:34:56.000001-07:00", "2024-02-01T06:34:56.000001Z"),
        ] {
            assert_eq!(Timestamp::from_rfc3339(text).unwrap().to_string(), utc);
        }
        for text in [
            "",
            "+01:00",
            "2024-01-31T12:34:56+0100",
            "2024-01-31T12:34:56+24:00",
            "2024-01-31T12:34:56Z+01:00",
        ] {
            assert_eq!(Timestamp::from_rfc3339(text), Err(TimestampError), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "2024-01-31",
            "2024-02-30T00:00:00.1Z",
            "2024-01-31T12:34:56.Z",
            "2024-01-31T12:34:56.1+00:00",
            "2024-01-31T24:00:00.1Z",
            "+024-01-31T12:34:56.1Z",
            "2024-01-31T12:34:56.1234567890Z",
            "é024-01-31T12:34:5Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimestampError), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_time_round_trips(micros in -62_135_596_800_000_000_i64..253_402_300_800_000_000) {
            let time = Timestamp::from_micros(micros);
            proptest::prop_assert_eq!(time.to_string().parse(), Ok(time));
        }

        #[test]
        fn any_text_is_handled(text in ".*") {
            let _ = text.parse::<Timestamp>();
            let _ = Timestamp::from_any_zone(&text);
        }
    }
}
