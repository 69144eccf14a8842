//! Keeps the SQL of this engine within what other engines that speak PostgreSQL's protocol understand as well.

use std::fs;
use std::path::Path;

use regex::Regex;

/// What some of them lack, and why it matters.
const BANNED: [(&str, &str); 21] = [
    (r"(?i)\badvisory", "CockroachDB and DSQL have no advisory locks"),
    (r"(?i)\b(LISTEN|NOTIFY|UNLISTEN)\b", "most have no notifications"),
    (
        r"(?i)\b(BIG|SMALL)?SERIAL\b|\bSEQUENCE\s+\w+\s+(START|INCREMENT)|CREATE\s+SEQUENCE|nextval|IDENTITY",
        "no sequences",
    ),
    (r"(?i)\bREFERENCES\b|FOREIGN\s+KEY", "no foreign keys"),
    (
        r"(?i)\bTRIGGER\b|plpgsql|\bDO\s+\$|CREATE\s+(OR\s+REPLACE\s+)?(FUNCTION|PROCEDURE)",
        "no code in the database",
    ),
    (r"(?i)\bSAVEPOINT\b", "DSQL and Spanner have no savepoints"),
    (r"(?i)\bEXTENSION\b", "no extensions"),
    (r"(?i)\b(TEMP|TEMPORARY|UNLOGGED)\b", "no temporary tables"),
    (r"(?i)\bTRUNCATE\b", "DSQL has no TRUNCATE"),
    (r"(?i)\bLOCK\s+TABLE\b", "YugabyteDB has no LOCK TABLE"),
    (r"(?i)\bPARTITION\b|\bINHERITS\b", "no partitions, no inheritance"),
    (r"(?i)\bGENERATED\b", "YugabyteDB has no generated columns"),
    (r"(?i)\b(GIN|GIST|BRIN|SPGIST)\b|\bEXCLUDE\b|\bDEFERRABLE\b", "B-trees alone"),
    (r"(?is)CREATE\s+(UNIQUE\s+)?INDEX[^;]*\bWHERE\b", "Spanner has no partial indexes of this form"),
    (r"(?i)\bJSONB?\b|\bARRAY\b|\bANY\s*\(", "texts, bytes and numbers alone"),
    (r"(?i)\b(I?LIKE|SIMILAR\s+TO)\b|~", "patterns are matched by the server"),
    (r"(?i)\b(ctid|xmin|oid|pg_\w+)\b", "nothing of PostgreSQL's own catalogue"),
    (r"(?i)\bnow\s*\(|CURRENT_TIMESTAMP|clock_timestamp", "time comes from the store's counters"),
    (r"(?i)\bALTER\s+TABLE\s+\w+\s+(?:DROP|ALTER|RENAME|SET)", "nothing but ADD COLUMN"),
    (r"\?\d|(?i)INDEXED\s+BY|\bSTRICT\b|WITHOUT\s+ROWID", "that is SQLite's"),
    (r"(?i)\bSELECT\s+\*", "columns are named"),
];

#[test]
fn all_statements_are_portable() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/postgres");
    let banned: Vec<_> = BANNED.iter().map(|(text, why)| (Regex::new(text).unwrap(), why)).collect();
    let mut checked = 0;
    for (path, text) in sources(&folder) {
        if path.ends_with("portable.rs") {
            continue;
        }
        let texts =
            if path.ends_with(".sql") { vec![without_comments(&text, "--")] } else { literals(&text) };
        for sql in texts {
            for (pattern, why) in &banned {
                let found = pattern.find(&sql).map(|found| found.as_str());
                assert_eq!(found, None, "{path}: {why}: {sql}");
            }
            checked += 1;
        }
    }
    assert!(checked > 150, "{checked}");
}

#[test]
fn the_check_finds_what_it_is_for() {
    for sql in [
        "CREATE TABLE a (id BIGSERIAL PRIMARY KEY)",
        "CREATE TABLE a (b BYTEA REFERENCES c)",
        "CREATE INDEX i ON t (a) WHERE a IS NOT NULL",
        "SELECT pg_advisory_lock(1)",
        "SAVEPOINT job",
        "LISTEN changes",
        "SELECT a FROM b WHERE c = ?1",
    ] {
        assert!(BANNED.iter().any(|(text, _)| Regex::new(text).unwrap().is_match(sql)), "{sql}");
    }
}

fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

fn without_comments(text: &str, mark: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with(mark)).collect::<Vec<_>>().join("\n")
}

/// The string literals of a Rust file that look like SQL or a part of it, up to its tests.
fn literals(text: &str) -> Vec<String> {
    let code = without_comments(text, "//");
    let code = code.split("#[cfg(test)]\nmod tests").next().unwrap();
    let literal = Regex::new(r#""((?:[^"\\]|\\.|\\\n)*)""#).unwrap();
    let texts = literal.captures_iter(code).map(|found| found[1].to_owned());
    texts
        .filter(|text| text.contains(char::is_uppercase) || text.contains('$') || text.contains('_'))
        .collect()
}
