//! A field as typed: `name=value`, `name=@file`, `name=-`.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use indexmap::IndexMap;
use tozstore::Fields;
use zeroize::Zeroizing;

use crate::exit::{Code, Failure};

/// Bytes that one record may have on the wire: what the server takes by default.
const MAX_RECORD_BYTES: u64 = 8 * 1024 * 1024;

/// Bytes of plaintext that fit: encryption and base64 make four bytes of three.
const MAX_VALUE_BYTES: u64 = MAX_RECORD_BYTES / 4 * 3 - 64 * 1024;

/// An entry of plain metadata as typed: `name=value`, taken as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Before the first equals sign.
    pub name: String,
    /// After it.
    pub value: String,
}

impl FromStr for Entry {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => {
                Ok(Self { name: name.to_owned(), value: value.to_owned() })
            }
            _ => Err("expected name=value"),
        }
    }
}

/// One argument: a name, and where its value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    name: String,
    source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Text(String),
    File(PathBuf),
    StandardInput,
}

impl FromStr for Field {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Entry { name, value } = text.parse()?;
        let source = match value.strip_prefix('@') {
            Some("") => return Err("expected the path of a file after the @; write @@ for the text @"),
            Some(text) if text.starts_with('@') => Source::Text(text.to_owned()),
            Some(path) => Source::File(path.into()),
            None if value == "-" => Source::StandardInput,
            None => Source::Text(value),
        };
        Ok(Self { name, source })
    }
}

/// Reads the values of fields, in their order.
///
/// # Errors
/// A name is given twice, a source cannot be read, is not text, or is too large.
pub fn collect_fields(arguments: &[Field], from_json: Option<&Path>) -> Result<Fields, Failure> {
    let mut fields = from_json.map_or_else(|| Ok(Fields::default()), fields_of_json)?;
    let json_takes_standard_input = from_json.is_some_and(|path| path == Path::new("-"));
    let standard_inputs = arguments.iter().filter(|field| field.source == Source::StandardInput).count();
    if standard_inputs + usize::from(json_takes_standard_input) > 1 {
        return Err(Failure::new(
            Code::Usage,
            "standard input was asked for more than once",
            "give one field as name=-, and the others as name=@file",
        ));
    }
    for field in arguments {
        if fields.value(&field.name).is_some() {
            return Err(Failure::new(
                Code::Usage,
                format!("the field {:?} is given twice", field.name),
                "give each name once",
            ));
        }
        fields.insert(&field.name, field.source.text(&field.name)?);
    }
    check_size(fields.iter().map(|(_, value)| value.len() as u64).sum(), "what is given")?;
    Ok(fields)
}

impl Source {
    fn text(&self, name: &str) -> Result<String, Failure> {
        let (bytes, origin) = match self {
            Self::Text(text) => return Ok(text.clone()),
            Self::File(path) => (read_limited(path)?, format!("the file {}", path.display())),
            Self::StandardInput => (read_limited(Path::new("-"))?, "standard input".to_owned()),
        };
        String::from_utf8(bytes).map_err(|_| {
            Failure::new(
                Code::Failed,
                format!("{origin} is not UTF-8 text, so it cannot be the value of {name:?}"),
                "encode it first, for example: base64 FILE | tozstore record write TYPE NAME=-",
            )
        })
    }
}

fn fields_of_json(path: &Path) -> Result<Fields, Failure> {
    let bytes = Zeroizing::new(read_limited(path)?);
    let fields: IndexMap<String, String> = serde_json::from_slice(&bytes).map_err(|error| {
        Failure::new(
            Code::Failed,
            // The parser's own words could quote a value.
            format!(
                "{} does not hold fields (line {}, column {})",
                path.display(),
                error.line(),
                error.column()
            ),
            "give one JSON object whose values are all texts, such as {\"title\": \"Shopping\"}",
        )
    })?;
    Ok(fields.into_iter().collect())
}

fn read_limited(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(MAX_VALUE_BYTES + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_VALUE_BYTES + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| {
        Failure::new(
            Code::Failed,
            format!("cannot read {}: {error}", path.display()),
            "check the path and its permissions; name=@@x gives the text @x",
        )
    })?;
    check_size(bytes.len() as u64, &path.display().to_string())?;
    Ok(bytes)
}

/// Refuses values that cannot fit into a record, before any work is done on them.
fn check_size(value_bytes: u64, what: &str) -> Result<(), Failure> {
    if value_bytes <= MAX_VALUE_BYTES {
        return Ok(());
    }
    Err(Failure::new(
        Code::Failed,
        format!("{what} is too large for a record"),
        "a record takes 8 MB encrypted, which is 5.9 MB of text; split it, or store a reference to it",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(text: &str) -> Result<Field, &'static str> {
        text.parse()
    }

    #[test]
    fn forms_of_a_field() {
        for (text, name, source) in [
            ("a=b", "a", Source::Text("b".into())),
            ("a=", "a", Source::Text(String::new())),
            ("a=b=c", "a", Source::Text("b=c".into())),
            ("a=@@b", "a", Source::Text("@b".into())),
            ("a=@b", "a", Source::File("b".into())),
            ("a=-", "a", Source::StandardInput),
            ("a=--", "a", Source::Text("--".into())),
        ] {
            assert_eq!(field(text), Ok(Field { name: name.into(), source }), "{text}");
        }
        for text in ["", "a", "=a", "a=@"] {
            assert!(field(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_given_twice_is_refused() {
        let arguments = [field("a=1").unwrap(), field("a=2").unwrap()];
        assert_eq!(collect_fields(&arguments, None).unwrap_err().code, Code::Usage);
    }

    #[test]
    fn a_file_above_the_limit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        std::fs::write(&path, vec![b'a'; MAX_VALUE_BYTES as usize + 1]).unwrap();
        let failure = collect_fields(&[field(&format!("a=@{}", path.display())).unwrap()], None).unwrap_err();
        assert!(failure.what.contains("too large"), "{}", failure.what);
    }
}
