//! Search of records by terms of their plain metadata: what is asked, and what each condition means.

use std::collections::BTreeSet;

use regex::{Regex, RegexBuilder};
use tozstore_api::Timestamp;

use super::{RecordHead, RecordRow, Scope, StoreError};

/// Conditions on records, by terms. A record is found if it is in a scope, fulfils one of `include` (if there are any)
/// and none of `exclude`, and its times are in the ranges.
#[derive(Clone, Debug, Default)]
pub struct TermSearch {
    /// Which records may be seen. None at all if empty.
    pub scopes: BTreeSet<Scope>,
    /// Of these one must hold; no condition if empty.
    pub include: Vec<TermGroup>,
    /// Of these none may hold.
    pub exclude: Vec<TermGroup>,
    /// When it was written.
    pub created: TimeRange,
    /// When it was changed last.
    pub modified: TimeRange,
    /// Whether the newest come first.
    pub descending: bool,
    /// How many to pass over.
    pub offset: usize,
    /// At most so many.
    pub limit: usize,
    /// Whether to read the data too; otherwise it is empty text.
    pub with_data: bool,
    /// At most so many bytes of data and plain metadata in one page, but at least one record. The page ends early then.
    pub max_data_bytes: usize,
    /// Found records are counted up to this number.
    pub max_total: usize,
    /// At most so much work, about one for each entry of an index that is looked at; [`StoreError::TooMuchWork`] past
    /// that.
    pub max_work: usize,
    /// So many values a conjunction looks at in an index in the order of the records, which ends early where much is found.
    /// If it has hardly found anything by then, those that match are read in the order of the values instead.
    pub patience: usize,
}

/// Conditions that are joined. Without any it holds for every record.
#[derive(Clone, Debug, Default)]
pub struct TermGroup {
    /// Whether all must hold; otherwise one is enough.
    pub all: bool,
    /// The conditions.
    pub conditions: Vec<TermCondition>,
}

/// A condition on one thing that is said of a record.
#[derive(Clone, Debug)]
pub enum TermCondition {
    /// The text of the writer's id.
    Writer(TextPattern),
    /// The text of the user's id.
    User(TextPattern),
    /// The text of the record's id.
    Record(TextPattern),
    /// Its type.
    Type(TextPattern),
    /// The name of an entry of its plain metadata.
    Name(TextPattern),
    /// The value of an entry of its plain metadata.
    Value(TextPattern),
    /// One entry of its plain metadata.
    Entry {
        /// The entry's name.
        name: TextPattern,
        /// The entry's value.
        value: TextPattern,
    },
}

/// What a text must be like. It is about the whole text, and case matters.
#[derive(Clone, Debug)]
pub struct TextPattern {
    prefix: String,
    rest: Rest,
}

/// What must follow the prefix, or hold besides it.
#[derive(Clone, Debug)]
enum Rest {
    Nothing,
    Anything,
    Expression(Regex),
    /// The text is this one, but for so many edits.
    Near(Vec<char>, usize),
}

/// A stretch of time. Both bounds belong to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// Its first moment; none if it has no begin.
    pub first: Option<Timestamp>,
    /// Its last moment; none if it has no end.
    pub last: Option<Timestamp>,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TermPage {
    /// The records, in the order that was asked for.
    pub rows: Vec<RecordRow>,
    /// How many were found in all, up to [`TermSearch::max_total`].
    pub total: usize,
    /// Whether there are more behind this page.
    pub more: bool,
}

/// Reading records by terms.
pub trait TermSearchReads {
    /// Records that satisfy a search, in the order of their indexes.
    fn search_terms(&self, search: &TermSearch) -> Result<TermPage, StoreError>;
}

impl TermSearch {
    /// Whether a record is found.
    #[must_use]
    pub fn finds(&self, head: &RecordHead) -> bool {
        let slot = &head.type_slot;
        let in_scope = |only| self.scopes.contains(&Scope { writer: slot.writer, only });
        (in_scope(None) || in_scope(Some((slot.user, slot.record_type.clone()))))
            && (self.include.is_empty() || self.include.iter().any(|group| group.holds(head)))
            && !self.exclude.iter().any(|group| group.holds(head))
            && self.created.contains(head.created)
            && self.modified.contains(head.last_modified)
    }
}

impl TermGroup {
    fn holds(&self, head: &RecordHead) -> bool {
        let mut holds = self.conditions.iter().map(|condition| condition.holds(head));
        self.conditions.is_empty() || if self.all { holds.all(|one| one) } else { holds.any(|one| one) }
    }
}

impl TermCondition {
    /// Whether it holds for a record.
    pub(super) fn holds(&self, head: &RecordHead) -> bool {
        let slot = &head.type_slot;
        match self {
            Self::Writer(pattern) => pattern.matches(&slot.writer.to_string()),
            Self::User(pattern) => pattern.matches(&slot.user.to_string()),
            Self::Record(pattern) => pattern.matches(&head.id.to_string()),
            Self::Type(pattern) => pattern.matches(slot.record_type.as_str()),
            Self::Name(pattern) => head.plain.entries().any(|(name, _)| pattern.matches(name)),
            Self::Value(pattern) => head.plain.entries().any(|(_, value)| pattern.matches(value)),
            Self::Entry { name, value } => {
                head.plain.entries().any(|entry| name.matches(entry.0) && value.matches(entry.1))
            }
        }
    }
}

impl TimeRange {
    /// Whether a moment belongs to it.
    #[must_use]
    pub fn contains(&self, moment: Timestamp) -> bool {
        self.first.is_none_or(|first| first <= moment) && self.last.is_none_or(|last| moment <= last)
    }

    /// Whether every moment belongs to it.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.first.is_none() && self.last.is_none()
    }
}

/// Memory that one compiled expression may take, and levels of nesting that it may have.
const MAX_EXPRESSION_BYTES: usize = 256 * 1024;
const MAX_EXPRESSION_NESTING: u32 = 32;

impl TextPattern {
    /// This text.
    pub fn exact(text: impl Into<String>) -> Self {
        Self { prefix: text.into(), rest: Rest::Nothing }
    }

    /// A text that begins with this one.
    pub fn prefix(text: impl Into<String>) -> Self {
        Self { prefix: text.into(), rest: Rest::Anything }
    }

    /// This text, but for a few edits: none for up to two characters, one for up to five, else two. Two neighbours that
    /// changed places are one edit.
    pub fn fuzzy(text: &str) -> Self {
        let characters: Vec<char> = text.chars().collect();
        match characters.len() {
            0..=2 => Self::exact(text),
            3..=5 => Self { prefix: String::new(), rest: Rest::Near(characters, 1) },
            _ => Self { prefix: String::new(), rest: Rest::Near(characters, 2) },
        }
    }

    /// `*` stands for any text, `?` for any character, and `\` before a character for that character itself.
    ///
    /// # Errors
    /// The pattern is too large.
    pub fn wildcard(text: &str) -> Result<Self, String> {
        let (mut prefix, mut expression) = (String::new(), String::new());
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '*' => expression.push_str(".*"),
                '?' => expression.push('.'),
                _ => {
                    let meant = if character == '\\' { characters.next().unwrap_or('\\') } else { character };
                    if expression.is_empty() {
                        prefix.push(meant);
                    } else {
                        expression.push_str(&regex::escape(meant.encode_utf8(&mut [0; 4])));
                    }
                }
            }
        }
        let rest = match expression.as_str() {
            "" => Rest::Nothing,
            _ if expression.strip_prefix(".*").is_some_and(|more| more.replace(".*", "").is_empty()) => {
                Rest::Anything
            }
            _ => Rest::Expression(compile(&format!("{}{expression}", regex::escape(&prefix)))?),
        };
        Ok(Self { prefix, rest })
    }

    /// A regular expression for the whole text.
    ///
    /// # Errors
    /// It is none, it is too large, or it has an operator that a linear-time engine lacks.
    pub fn regexp(text: &str) -> Result<Self, String> {
        let expression = translate(text)?;
        let literal = text.chars().all(|c| c.is_alphanumeric() || "_-:/ ".contains(c));
        if literal {
            return Ok(Self::exact(text));
        }
        Ok(Self { prefix: literal_prefix(text), rest: Rest::Expression(compile(&expression)?) })
    }

    /// Whether a text is like this.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match &self.rest {
            Rest::Nothing => text == self.prefix,
            Rest::Anything => text.starts_with(&self.prefix),
            Rest::Expression(expression) => expression.is_match(text),
            Rest::Near(characters, edits) => near(characters, text, *edits),
        }
    }

    /// The only text that matches, if there is one alone.
    pub(super) fn only_text(&self) -> Option<&str> {
        matches!(self.rest, Rest::Nothing).then_some(self.prefix.as_str())
    }

    /// What every text that matches begins with.
    pub(super) fn literal_prefix(&self) -> &str {
        &self.prefix
    }

    /// Bytes that a text which matches has at most, if that is known.
    pub(super) fn max_bytes(&self) -> Option<usize> {
        match &self.rest {
            Rest::Nothing => Some(self.prefix.len()),
            Rest::Anything | Rest::Expression(_) => None,
            Rest::Near(characters, edits) => Some((characters.len() + edits) * char::MAX.len_utf8()),
        }
    }

    /// Whether every text with that beginning matches.
    pub(super) const fn is_prefix_alone(&self) -> bool {
        matches!(self.rest, Rest::Anything)
    }
}

fn compile(expression: &str) -> Result<Regex, String> {
    RegexBuilder::new(&format!(r"\A(?:{expression})\z"))
        .dot_matches_new_line(true)
        .size_limit(MAX_EXPRESSION_BYTES)
        .dfa_size_limit(MAX_EXPRESSION_BYTES)
        .nest_limit(MAX_EXPRESSION_NESTING)
        .build()
        .map_err(|error| format!("this search cannot use that pattern: {error}"))
}

/// The expression for our engine. What means something else in the syntax that clients know (Lucene's) is refused, since
/// it would silently find other records.
fn translate(text: &str) -> Result<String, String> {
    let (mut expression, mut in_class) = (String::with_capacity(text.len()), false);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                // With the backslash these would be word boundaries.
                Some('<') => expression.push('<'),
                Some('>') => expression.push('>'),
                Some(escaped) => expression.extend(['\\', escaped]),
                None => return Err("a regular expression ends with a backslash".to_owned()),
            },
            '~' | '<' | '>' | '&' | '@' | '#' | '"' if !in_class => {
                return Err(format!(
                    "this search has no operator {character} in regular expressions; write \\{character} for the character"
                ));
            }
            _ => {
                match character {
                    '[' => in_class = true,
                    ']' => in_class = false,
                    _ => {}
                }
                expression.push(character);
            }
        }
    }
    Ok(expression)
}

/// What every match begins with: the plain characters that stand first, unless an operator may take the last away or
/// there are alternatives.
fn literal_prefix(text: &str) -> String {
    if text.contains('|') {
        return String::new();
    }
    let plain = |c: &char| c.is_alphanumeric() || "_-:/ ".contains(*c);
    let mut prefix: String = text.chars().take_while(plain).collect();
    if text[prefix.len()..].starts_with(['?', '*', '{', '+']) {
        prefix.pop();
    }
    prefix
}

/// Whether a text is at most `edits` insertions, deletions, replacements and swaps of neighbours away ("optimal string
/// alignment"). Only the cells of the table that are within reach are computed.
fn near(pattern: &[char], text: &str, edits: usize) -> bool {
    let text: Vec<char> = text.chars().take(pattern.len() + edits + 1).collect();
    if text.len() > pattern.len() + edits || text.len() + edits < pattern.len() {
        return false;
    }
    let far = edits + 1;
    let width = pattern.len() + 1;
    let mut before_last = vec![far; width];
    let mut last: Vec<usize> = (0..width).map(|n| n.min(far)).collect();
    for row in 1..=text.len() {
        let mut this = vec![far; width];
        if row <= edits {
            this[0] = row;
        }
        for column in row.saturating_sub(edits).max(1)..=(row + edits).min(pattern.len()) {
            let (left, up) = (text[row - 1], pattern[column - 1]);
            let mut cost = last[column - 1] + usize::from(left != up);
            cost = cost.min(last[column] + 1).min(this[column - 1] + 1);
            if row > 1 && column > 1 && left == pattern[column - 2] && text[row - 2] == up {
                cost = cost.min(before_last[column - 2] + 1);
            }
            this[column] = cost.min(far);
        }
        before_last = std::mem::replace(&mut last, this);
    }
    last[pattern.len()] <= edits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wildcards_are_for_the_whole_text() {
        for (pattern, matching, other) in [
            ("a*", vec!["a", "ab", "a\nb"], vec!["", "ba"]),
            ("a**", vec!["a", "ab"], vec!["ba"]),
            ("*", vec!["", "x"], vec![]),
            ("?", vec!["x", "é", "\n"], vec!["", "xx"]),
            ("a?c*", vec!["abc", "abcd"], vec!["ac", "xabc"]),
            ("*.txt", vec![".txt", "a.txt"], vec!["atxt", "a.txt "]),
            (r"\*\?\\", vec![r"*?\"], vec!["ab"]),
            ("a.b", vec!["a.b"], vec!["axb"]),
        ] {
            let wildcard = TextPattern::wildcard(pattern).unwrap();
            assert!(matching.iter().all(|text| wildcard.matches(text)), "{pattern}");
            assert!(!other.iter().any(|text| wildcard.matches(text)), "{pattern}");
        }
        assert!(TextPattern::wildcard("abc*").unwrap().is_prefix_alone());
        assert_eq!(TextPattern::wildcard(r"a\*").unwrap().only_text(), Some("a*"));
    }

    #[test]
    fn regular_expressions_are_for_the_whole_text() {
        for (pattern, matching, other) in [
            ("tozny.*", vec!["toznywebsite", "tozny"], vec!["a tozny", "toznians"]),
            ("a|bc", vec!["a", "bc"], vec!["ab", "xa", "ac"]),
            ("ab?c", vec!["abc", "ac"], vec!["ab"]),
            ("ab+", vec!["ab", "abb"], vec!["a"]),
            ("ab{0,1}", vec!["a", "ab"], vec!["abb"]),
            (r"a\@b\.c\<\>", vec!["a@b.c<>"], vec!["a@bxc<>"]),
            ("[@#]x", vec!["@x", "#x"], vec!["x"]),
            ("a.c", vec!["a\nc"], vec!["ac"]),
            ("plain", vec!["plain"], vec!["plainer"]),
            ("", vec![""], vec!["a"]),
        ] {
            let expression = TextPattern::regexp(pattern).unwrap();
            assert!(matching.iter().all(|text| expression.matches(text)), "{pattern}");
            assert!(!other.iter().any(|text| expression.matches(text)), "{pattern}");
            assert!(matching.iter().all(|text| text.starts_with(expression.literal_prefix())), "{pattern}");
        }
    }

    #[test]
    fn what_the_engine_lacks_is_refused_with_a_reason() {
        for pattern in
            ["(", "a~b", "<1-9>", "a@b", "a&b", "x#", "(?=a)b", r"(a)\1", "a\\", r"\p{Nope}", "(a{999}){999}"]
        {
            assert!(!TextPattern::regexp(pattern).unwrap_err().is_empty(), "{pattern}");
        }
        assert!(TextPattern::regexp(&"(".repeat(400)).is_err());
        assert!(TextPattern::regexp("a@b").unwrap_err().contains(r"write \@"));
    }

    #[test]
    fn fuzzy_terms_allow_few_edits() {
        for (term, matching, other) in [
            ("ab", vec!["ab"], vec!["ac", "a", "ba"]),
            ("abc", vec!["abc", "ab", "abcd", "axc", "bac"], vec!["abcde", "cba"]),
            ("veryveryfunny", vec!["veryveryfuzzy", "vreyveryfunyn", "veryvery"], vec!["veryveryfizzy"]),
        ] {
            let fuzzy = TextPattern::fuzzy(term);
            for text in matching {
                assert!(fuzzy.matches(text) == (text != "veryvery"), "{term} {text}");
            }
            assert!(!other.iter().any(|text| fuzzy.matches(text)), "{term}");
        }
    }

    /// The whole table, without shortcuts.
    fn edits(a: &[char], b: &[char]) -> usize {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 0..=a.len() {
            for j in 0..=b.len() {
                table[i][j] = if i == 0 || j == 0 {
                    i + j
                } else {
                    let replaced = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                    let mut cost = replaced.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
                    if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                        cost = cost.min(table[i - 2][j - 2] + 1);
                    }
                    cost
                };
            }
        }
        table[a.len()][b.len()]
    }

    proptest! {
        #[test]
        fn the_band_is_wide_enough(pattern in "[ab]{0,9}", text in "[ab]{0,9}", limit in 0..3_usize) {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(near(&p, &text, limit), edits(&t, &p) <= limit);
        }

        #[test]
        fn any_pattern_is_handled(pattern in ".{0,40}", text in ".{0,40}") {
            for made in [TextPattern::wildcard(&pattern), TextPattern::regexp(&pattern)].into_iter().flatten() {
                prop_assert!(!made.matches(&text) || text.starts_with(made.literal_prefix()));
                let _ = made.only_text();
            }
            prop_assert!(TextPattern::fuzzy(&pattern).matches(&pattern));
        }
    }
}
