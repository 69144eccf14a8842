//! Keeps migrations of PostgreSQL to what programs of the release before do not mind, which run beside newer ones while
//! servers are exchanged one after the other: they only expand the schema. What is no longer used is removed ("contracted") by
//! a later release. SQLite has one program at a time, and its migrations may do more.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;

/// The last migration of the first release, of which there was no release before.
const FIRST_RELEASE: u32 = 6;

/// Migrations that contract: CHANGELOG.md says for each which versions may not run beside it.
const CONTRACTS: [&str; 0] = [];

#[test]
fn migrations_only_expand() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/postgres/migrations");
    let mut checked = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let number: u32 = name.split('_').next().unwrap().parse().unwrap();
        checked += 1;
        if number > FIRST_RELEASE && !CONTRACTS.contains(&name) {
            assert_eq!(in_the_way(&fs::read_to_string(&path).unwrap()), None, "{}", path.display());
        }
    }
    assert!(checked >= 6, "{checked}");
}

/// The first statement that a program of the release before may mind, and why.
fn in_the_way(migration: &str) -> Option<String> {
    let name = r#""?(\w+)"?"#;
    let table = Regex::new(&format!(r"(?i)^CREATE TABLE (?:IF NOT EXISTS )?{name}")).unwrap();
    let index =
        Regex::new(&format!(r"(?i)^CREATE (UNIQUE )?INDEX (?:IF NOT EXISTS )?\w+ ON {name}")).unwrap();
    let column =
        Regex::new(r"(?i)^ALTER TABLE (?:IF EXISTS )?\w+ ADD COLUMN (?:IF NOT EXISTS )?\w+ (.*)$").unwrap();
    let insert = Regex::new(&format!(r"(?i)^INSERT (?:OR IGNORE )?INTO {name}")).unwrap();
    let code: Vec<_> = migration.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let code = code.join(" ");
    let mut new_tables = BTreeSet::new();
    for statement in code.split(';') {
        let statement = statement.split_whitespace().collect::<Vec<_>>().join(" ");
        let why = if statement.is_empty() {
            continue;
        } else if let Some(found) = table.captures(&statement) {
            new_tables.insert(found[1].to_owned());
            continue;
        } else if let Some(found) = index.captures(&statement) {
            if found.get(1).is_none() || new_tables.contains(&found[2]) {
                continue;
            }
            "what it writes may be there already"
        } else if let Some(found) = column.captures(&statement) {
            let definition = found[1].to_uppercase();
            if definition.contains("UNIQUE")
                || definition.contains("CHECK")
                || definition.contains("REFERENCES")
            {
                "what it writes may be refused"
            } else if definition.contains("NOT NULL") && !definition.contains("DEFAULT") {
                "it does not fill the column"
            } else {
                continue;
            }
        } else if insert.captures(&statement).is_some_and(|found| new_tables.contains(&found[1])) {
            continue;
        } else {
            "it relies on what was there"
        };
        return Some(format!("an older program minds this, since {why}: {statement}"));
    }
    None
}

#[test]
fn what_older_programs_mind_is_found() {
    for bad in [
        "DROP TABLE a",
        "ALTER TABLE a DROP COLUMN b",
        "ALTER TABLE a RENAME COLUMN b TO c",
        "ALTER TABLE a RENAME TO b",
        "DROP INDEX a_by_b",
        "-- a column\nALTER TABLE a ADD COLUMN b BIGINT NOT NULL",
        "ALTER TABLE a ADD COLUMN IF NOT EXISTS b TEXT UNIQUE",
        "ALTER TABLE a ADD COLUMN b BIGINT CHECK (b > 0)",
        "CREATE TABLE b (c BIGINT); CREATE UNIQUE INDEX a_by_b ON a (b)",
        "UPDATE a SET b = 1",
        "INSERT INTO a (b) VALUES (1)",
    ] {
        assert!(in_the_way(bad).is_some(), "{bad}");
    }
    for good in [
        "",
        "CREATE TABLE IF NOT EXISTS a (b BIGINT NOT NULL);\nCREATE UNIQUE INDEX IF NOT EXISTS a_by_b ON a (b);",
        "CREATE INDEX a_by_b ON a (b)",
        "ALTER TABLE a ADD COLUMN IF NOT EXISTS b BIGINT",
        "ALTER TABLE a\n  ADD COLUMN b BIGINT NOT NULL DEFAULT 0",
        "CREATE TABLE a (b BIGINT); INSERT INTO a (b) SELECT c FROM d",
    ] {
        assert_eq!(in_the_way(good), None, "{good}");
    }
}
