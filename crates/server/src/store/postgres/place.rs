//! Where rows lie: what a statement says so that a database which spreads its tables over machines asks only one.
//!
//! Records are spread by the placement of their writer, the last 16 bits of its id (docs/adr/0005 and docs/scaling.md). A
//! statement over records names it besides the key. To a database on one machine that is one more comparison with a row
//! that was found.

use tozstore_crypto::{ClientId, RecordId};

use super::columns::Value;

/// The condition that records are those of writers at one place, which is the parameter named.
macro_rules! placed {
    ($parameter:literal) => {
        concat!("substring(writer_id FROM 15) = ", $parameter)
    };
}
pub(super) use placed;

/// The place of a writer.
pub(super) fn of_writer(writer: &ClientId) -> Value<'_> {
    Value::Bytes(&writer.as_bytes()[PLACE_BEGIN..])
}

/// The place of a record's writer, if the record's id tells: those of version 7 were made here, and do.
pub(super) fn of_record(id: &RecordId) -> Option<Value<'_>> {
    let bytes = id.as_bytes();
    (bytes[6] >> 4 == 7).then(|| Value::Bytes(&bytes[PLACE_BEGIN..]))
}

const PLACE_BEGIN: usize = 14;

/// A statement over a list of keys. It has a form for each of a few lengths, since each form has to be prepared; a list of
/// another length repeats its last key.
pub(super) struct ListStatement {
    forms: [String; Self::LENGTHS.len()],
}

/// What a [`ListStatement`] is given: the parameters before the list, and the keys in it.
pub(super) struct Keys<'a> {
    pub(super) fixed: Vec<Value<'a>>,
    pub(super) keys: Vec<Value<'a>>,
}

impl ListStatement {
    const LENGTHS: [usize; 3] = [1, 8, 64];

    /// The statement with these texts before and behind the list, whose first parameter has this number.
    pub(super) fn new(before: &str, first: usize, behind: &str) -> Self {
        let form = |length: usize| {
            let parameters: Vec<_> = (first..first + length).map(|number| format!("${number}")).collect();
            format!("{before}{}{behind}", parameters.join(", "))
        };
        Self { forms: Self::LENGTHS.map(form) }
    }

    /// The statements that look at all keys, with their parameters.
    pub(super) fn with<'a>(
        &'static self,
        lists: impl IntoIterator<Item = Keys<'a>>,
    ) -> Vec<(&'static str, Vec<Value<'a>>)> {
        let mut statements = Vec::new();
        for Keys { fixed, keys } in lists {
            for keys in keys.chunks(Self::LENGTHS[Self::LENGTHS.len() - 1]) {
                let Some((last, form)) = keys.last().zip(self.form(keys.len())) else { continue };
                let (length, text) = form;
                let repeated = std::iter::repeat_n(*last, length - keys.len());
                let values = fixed.iter().copied().chain(keys.iter().copied()).chain(repeated);
                statements.push((text, values.collect()));
            }
        }
        statements
    }

    /// The shortest form for so many keys.
    fn form(&'static self, keys: usize) -> Option<(usize, &'static str)> {
        let forms = Self::LENGTHS.into_iter().zip(&self.forms);
        forms.map(|(length, text)| (length, text.as_str())).find(|(length, _)| *length >= keys)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    #[test]
    fn lists_are_cut_and_filled_up() {
        static STATEMENT: LazyLock<ListStatement> =
            LazyLock::new(|| ListStatement::new("SELECT a FROM t WHERE b = $1 AND c IN (", 2, ")"));
        let keys = |count: i64| Keys {
            fixed: vec![Value::Integer(-1)],
            keys: (0..count).map(Value::Integer).collect(),
        };
        let integers = |values: &[Value<'_>]| -> Vec<i64> {
            let of = |value: &Value<'_>| if let Value::Integer(number) = value { *number } else { panic!() };
            values.iter().map(of).collect()
        };
        let statements = STATEMENT.with([keys(1), keys(0), keys(66)]);
        assert_eq!(statements[0].0, "SELECT a FROM t WHERE b = $1 AND c IN ($2)");
        assert_eq!(integers(&statements[0].1), [-1, 0]);
        assert!(statements[1].0.ends_with(", $65)"));
        assert_eq!(statements[1].1.len(), 65);
        assert!(statements[2].0.ends_with("($2, $3, $4, $5, $6, $7, $8, $9)"));
        assert_eq!(integers(&statements[2].1), [-1, 64, 65, 65, 65, 65, 65, 65, 65]);
        assert_eq!(statements.len(), 3);
    }

    #[test]
    fn an_id_of_another_version_tells_no_place() {
        let mut bytes = [7; 16];
        bytes[6] = 0x41;
        assert!(of_record(&RecordId::from_bytes(bytes)).is_none());
        bytes[6] = 0x71;
        assert!(matches!(of_record(&RecordId::from_bytes(bytes)), Some(Value::Bytes([7, 7]))));
    }
}
