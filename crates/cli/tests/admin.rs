//! Backups, restores and moves from the command line, beside a server that runs.
#![allow(clippy::panic, clippy::unwrap_used)]

#[allow(dead_code, reason = "shared by tests, each of which uses a part")]
mod machine;

use std::fs;

use crate::machine::Machine;

fn machine() -> (Machine, String) {
    let machine = Machine::with_account();
    machine.register("alice");
    fs::write(machine.path("photo"), vec![7; 100_000]).unwrap();
    machine.ok(&["--profile", "alice", "file", "put", "photo", "photo"]);
    let id = machine.ok(&["--profile", "alice", "record", "write", "note", "a=1"]).trim().to_owned();
    (machine, id)
}

#[test]
fn an_archive_is_made_checked_and_restored() {
    let (machine, _) = machine();
    let shown = machine.ok(&["admin", "backup", "one.archive", "--data", "data", "--with-server-key"]);
    let digest = shown.lines().find_map(|line| line.strip_prefix("digest")).unwrap().trim().to_owned();
    machine.fails(5, &["admin", "backup", "one.archive", "--data", "data"]);
    machine.fails(1, &["admin", "backup", "two.archive", "--data", "nothing-here"]);
    assert!(!machine.path("two.archive").exists());

    let found = machine.json(&["admin", "verify", "one.archive", "--digest", &digest]);
    assert_eq!((&found["files"], &found["server_key"]), (&1.into(), &"inside".into()));
    let told = machine.fails(7, &["admin", "verify", "one.archive", "--digest", &"0".repeat(64)]);
    assert!(told.contains(&digest), "{told}");
    let mut bytes = fs::read(machine.path("one.archive")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(machine.path("damaged.archive"), bytes).unwrap();
    let told = machine.fails(7, &["admin", "verify", "damaged.archive"]);
    assert!(told.contains("damaged"), "{told}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(machine.path("one.archive")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    machine.ok(&["admin", "restore", "one.archive", "--to", "sqlite:restored"]);
    machine.fails(5, &["admin", "restore", "one.archive", "--to", "sqlite:restored"]);
    for file in ["tozstore.db", "server.key", "files"] {
        assert!(machine.path("restored").join(file).exists(), "{file}");
    }
    // From one end of a pipe to the other, and without the key.
    let made = machine.command(&["admin", "backup", "-", "--data", "data"]).output().unwrap();
    assert!(made.status.success());
    assert!(String::from_utf8(made.stderr).unwrap().contains("digest: "));
    fs::write(machine.path("three.archive"), made.stdout).unwrap();
    assert_eq!(machine.json(&["admin", "verify", "three.archive"])["server_key"], "not inside");
    let told = machine.run(&["admin", "restore", "three.archive", "--to", "third"]).err;
    assert!(told.contains("all sessions end"), "{told}");
    machine.fails(2, &["admin", "restore", "one.archive", "--to", "mysql://host/db"]);
}

#[test]
fn a_moved_store_takes_no_writes_at_the_old_place() {
    let (mut machine, id) = machine();
    machine.fails(2, &["admin", "migrate", "--from", "data", "--to", "sqlite:data"]);
    let moved = machine.json(&["admin", "migrate", "--from", "sqlite:data", "--to", "sqlite:new"]);
    assert_eq!((&moved["files"], &moved["files_there_before"]), (&1.into(), &0.into()));
    // The old server answers what only reads.
    let status = machine.json(&["admin", "read-only", "status", "--data", "data"]);
    assert_eq!((&status["writes"], &status["holds"][0]["kind"]), (&false.into(), &"moved".into()));
    assert!(machine.ok(&["--profile", "alice", "record", "read", &id]).contains('1'));
    machine.fails(5, &["admin", "migrate", "--from", "sqlite:data", "--to", "sqlite:newer"]);
    machine.terminate_server();
    let told = machine.fails(1, &["serve", "--listen", "127.0.0.1:0", "--data", "data"]);
    assert!(told.contains("has moved to sqlite:new"), "{told}");
    assert!(machine.ok(&["admin", "read-only", "off", "--data", "data"]).contains("taken"));

    // Held by hand, and for a time.
    assert!(machine.ok(&["admin", "read-only", "on", "--data", "new", "--for", "3600"]).contains("refused"));
    let status = machine.ok(&["admin", "read-only", "status", "--data", "new"]);
    assert!(status.contains("read_only") && status.contains("set by hand"), "{status}");
    assert_eq!(machine.json(&["admin", "read-only", "off", "--data", "new"])["writes"], true);
}
