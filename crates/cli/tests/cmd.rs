//! The real binary against a real server, as a person or a script runs it.

// Helpers of tests may panic as tests do; the lint sees only the tests themselves.
#![allow(clippy::panic, clippy::unwrap_used)]

mod machine;

use std::collections::BTreeSet;
use std::io::{Read, Write};

use serde_json::Value;

use crate::machine::{Machine, binary};

#[test]
fn five_minutes() {
    let machine = Machine::with_account();
    machine.register("alice");
    let bob = machine.register("bob");

    let written =
        ["--profile", "alice", "record", "write", "note", "title=Shopping", "body=-", "--plain", "list=home"];
    let ran = machine.run_with_input(&written, "milk\nbread");
    assert_eq!(ran.code, 0, "{ran:?}");
    let id = ran.out.trim().to_owned();
    assert_eq!(id.len(), 36, "the id alone is printed: {ran:?}");

    let shown = machine.ok(&["--profile", "alice", "record", "read", &id]);
    for part in ["Shopping", "milk", "| bread", "note", "list=home"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert_eq!(
        machine.ok(&["--profile", "alice", "record", "read", &id, "--field", "body", "--raw"]),
        "milk\nbread"
    );
    machine.fails(3, &["--profile", "bob", "record", "read", &id]);

    machine.ok(&["--profile", "alice", "share", "note", "--with", &bob]);
    assert!(machine.ok(&["--profile", "bob", "record", "read", &id]).contains("Shopping"));
    assert!(
        machine.ok(&["--profile", "bob", "record", "list", "--all-writers", "--data"]).contains("Shopping")
    );
    assert!(machine.ok(&["--profile", "bob", "sharing"]).contains("note"));
    let explained = machine.ok(&["--profile", "alice", "explain", &id]);
    assert!(explained.contains(&bob) && !explained.contains("Shopping"), "{explained}");

    machine.ok(&["--profile", "alice", "revoke", "note", "--from", &bob]);
    machine.fails(3, &["--profile", "bob", "record", "read", &id]);

    machine.ok(&["--profile", "alice", "record", "update", &id, "body=nothing"]);
    let record = machine.json(&["--profile", "alice", "record", "read", &id]);
    assert_eq!(record["data"], serde_json::json!({ "title": "Shopping", "body": "nothing" }));
    assert_eq!(record["plain"], serde_json::json!({ "list": "home" }));

    machine.ok(&["--profile", "alice", "record", "delete", &id]);
    machine.fails(3, &["--profile", "alice", "record", "read", &id]);
}

#[test]
fn exit_codes() {
    let machine = Machine::with_account();
    machine.register("default");
    let id = machine.ok(&["record", "write", "note", "a=1"]).trim().to_owned();
    let first = machine.json(&["record", "read", &id])["version"].as_str().unwrap().to_owned();
    machine.ok(&["record", "update", &id, "a=2", "--version", &first]);

    machine.fails(1, &["record", "write", "note", "a=@missing-file"]);
    machine.fails(2, &["record", "write", "note", "no-equals-sign"]);
    machine.fails(2, &["record", "write", "note", "a=1", "a=2"]);
    machine.fails(2, &["no-such-command"]);
    machine.fails(3, &["record", "read", "a1111111-1111-4111-8111-111111111111"]);
    machine.fails(3, &["client", "info", "a1111111-1111-4111-8111-111111111111"]);
    machine.fails(4, &["--profile", "nobody", "whoami"]);
    machine.fails(5, &["record", "update", &id, "a=3", "--version", &first]);
    machine.fails(5, &["record", "delete", &id, "--version", &first]);
    machine.fails(5, &["client", "register", "--token-file", "token"]);
    machine.fails(5, &["account", "create", "--email", "Me@example.com"]);
    machine.fails(6, &["--api-url", "http://127.0.0.1:9", "record", "read", &id]);
    assert_eq!(machine.json(&["record", "read", &id])["data"]["a"], "2");
}

#[test]
fn a_key_that_was_exchanged_is_found_out() {
    let machine = Machine::with_account();
    machine.register("alice");
    let (bob, carol) = (machine.register("bob"), machine.register("carol"));
    machine.ok(&["--profile", "alice", "client", "info", &bob]);
    // As if the server had given another key for Bob the first time.
    let path = machine.path("config/known/alice.json");
    let known = std::fs::read_to_string(&path).unwrap().replace(&bob, &carol);
    std::fs::write(&path, known).unwrap();
    machine.fails(7, &["--profile", "alice", "share", "note", "--with", &carol]);
    assert_eq!(machine.json_lines(&["--profile", "alice", "sharing"]).len(), 0);
}

#[test]
fn private_keys_are_not_listed_unasked() {
    let machine = Machine::with_account();
    machine.ok(&["client", "register", "--token-file", "token", "--backup"]);
    let secrets = machine.ok(&["profile", "show", "--secrets"]);
    let secret = serde_json::from_str::<Value>(&secrets).unwrap()["private_key"].as_str().unwrap().to_owned();
    for arguments in [&["record", "list", "--data"][..], &["--json", "record", "list", "--data"]] {
        let out = machine.ok(arguments);
        assert!(out.contains("tozny.key_backup") && !out.contains(&secret), "{out}");
    }
    assert!(machine.ok(&["record", "list", "--data", "--type", "tozny.key_backup"]).contains(&secret));
}

#[test]
fn a_lapsed_session_is_renewed_with_the_password() {
    let machine = Machine::with_account();
    let path = machine.path("config/accounts/default.json");
    let mut session: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let lapsed = serde_json::json!("lapsed");
    session["token"] = lapsed.clone();
    std::fs::write(&path, session.to_string()).unwrap();
    assert_eq!(machine.json_lines(&["token", "list"]).len(), 1);
    session = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_ne!(session["token"], lapsed);
    // The renewed one lasts, so nothing asks for the password.
    let mut command = machine.command(&["token", "list"]);
    assert!(command.env_remove("TOZSTORE_ACCOUNT_PASSWORD").status().unwrap().success());
}

#[test]
fn a_false_password_or_token_is_refused() {
    let machine = Machine::with_account();
    std::fs::write(machine.path("false"), "another password\n").unwrap();
    machine.fails(4, &["account", "login", "--email", "me@example.com", "--password-file", "false"]);
    std::fs::write(machine.path("false"), "0".repeat(64)).unwrap();
    machine.fails(4, &["client", "register", "--token-file", "false"]);
    machine.fails(4, &["--profile", "another", "token", "list"]);
}

#[test]
fn passwords_and_paper_keys_change() {
    let machine = Machine::start();
    let created = machine.json(&["account", "create", "--email", "me@example.com"]);
    let file = |name: &str, text: &str| std::fs::write(machine.path(name), format!("{text}\n")).unwrap();
    let login = |file: &str| {
        machine.run(&["account", "login", "--email", "me@example.com", "--password-file", file]).code
    };
    file("new", "another long password");
    file("newer", "a third long password");
    machine.fails(4, &["account", "password"]);
    machine.ok(&["account", "password", "--new-password-file", "new"]);
    // The session at hand goes on, and only the new password holds.
    assert!(machine.json_lines(&["token", "list"]).is_empty());
    machine.fails(4, &["client", "list"]);
    assert_eq!(login("new"), 0);

    let new = ["--password-file", "new"];
    let key = machine.json(&[&["account", "paper-key"], &new[..]].concat());
    let key = key["paper_key"].as_str().unwrap();
    let recover = ["account", "recover", "--email", "me@example.com", "--paper-key-file", "paper"];
    let recover = [&recover[..], &["--new-password-file", "newer"]].concat();
    file("paper", created["paper_key"].as_str().unwrap());
    machine.fails(4, &recover);
    file("paper", key);
    let kept = machine.json(&recover);
    assert_eq!((&kept["email"], &kept["previous_client_id"]), (&"me@example.com".into(), &Value::Null));
    assert_eq!((login("new"), login("newer")), (4, 0));
    let taken_over = machine.json(&[&recover[..], &["--new-client"]].concat());
    assert_eq!(taken_over["previous_client_id"], kept["client_id"]);

    let newer = ["--password-file", "newer"];
    machine.fails(2, &["account", "change"]);
    machine
        .ok(&[&["account", "change", "--email", "Moved@example.com", "--name", "Me"], &newer[..]].concat());
    assert_eq!(login("newer"), 4);
    let listed = machine.json_lines(&[&["client", "list"], &newer[..]].concat());
    assert_eq!(listed.len(), 2);
    assert_eq!(
        (&listed[1]["client_id"], &listed[1]["is_account_client"]),
        (&taken_over["client_id"], &true.into())
    );
}

#[test]
fn hooks_are_made_listed_and_deleted() {
    let machine = Machine::with_account();
    let create = ["hook", "create", "https://example.com/in", "--event", "record_written"];
    let made = machine.json(&[&create[..], &["--event", "note_written"]].concat());
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    let listed = machine.json(&["hook", "list"]);
    assert_eq!(listed["hook_id"], made["hook_id"]);
    assert_eq!(listed["events"], serde_json::json!(["record_written", "note_written"]));
    assert!(machine.ok(&["hook", "list"]).contains("record_written note_written"));
    machine.fails(2, &["hook", "create", "https://example.com/in", "--event", "record_eaten"]);
    machine.fails(1, &["hook", "create", "http://127.0.0.1/", "--event", "record_written"]);
    machine.ok(&["hook", "delete", &made["hook_id"].to_string()]);
    machine.fails(3, &["hook", "delete", &made["hook_id"].to_string()]);
}

#[test]
fn json_shapes() {
    let machine = Machine::with_account();
    let alice = machine.register("alice");
    let bob = machine.register("bob");

    let token = machine.json(&["token", "create", "--name", "n", "--uses", "2"]);
    assert_eq!(token["token"].as_str().unwrap().len(), 64);
    let tokens = machine.json_lines(&["token", "list"]);
    assert_eq!(tokens.len(), 2);
    assert_eq!(members(&tokens[0]), ["allowed_uses", "name", "one_time", "token_id", "uses"]);

    let whoami = machine.json(&["--profile", "alice", "whoami"]);
    assert_eq!(whoami["client_id"], alice.as_str());
    assert!(!whoami.to_string().contains("private"), "{whoami}");

    let write = ["--profile", "alice", "record", "write", "note", "a=\u{1b}[2J", "--plain", "k=v"];
    let id = machine.json(&write)["record_id"].as_str().unwrap().to_owned();
    let record = machine.json(&["--profile", "alice", "record", "read", &id]);
    assert_eq!(
        members(&record),
        ["created", "data", "last_modified", "plain", "record_id", "type", "user_id", "version", "writer_id"]
    );
    assert_eq!(record["data"]["a"], "\u{1b}[2J");
    let listed = machine.json_lines(&["--profile", "alice", "record", "list"]);
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["data"], Value::Null);
    assert_eq!(machine.json_lines(&["--profile", "alice", "record", "list", "--data"])[0], record);
    assert_eq!(machine.json_lines(&["--profile", "alice", "record", "list", "--plain", "k=other"]).len(), 0);

    machine.ok(&["--profile", "alice", "share", "note", "--with", &bob]);
    let outgoing = &machine.json_lines(&["--profile", "alice", "sharing"])[0];
    assert_eq!((&outgoing["direction"], &outgoing["client_id"]), (&"outgoing".into(), &bob.as_str().into()));
    let incoming = &machine.json_lines(&["--profile", "bob", "sharing"])[0];
    assert_eq!(
        (&incoming["direction"], &incoming["client_id"]),
        (&"incoming".into(), &alice.as_str().into())
    );

    machine.ok(&["--profile", "alice", "authorizer", "add", "note", "--client", &bob]);
    assert_eq!(
        machine.json_lines(&["--profile", "alice", "authorizer", "list"])[0]["client_id"],
        bob.as_str()
    );
    assert_eq!(
        machine.json_lines(&["--profile", "bob", "authorizer", "list"])[0]["client_id"],
        alice.as_str()
    );
    machine.ok(&["--profile", "alice", "authorizer", "remove", "note", "--client", &bob]);
    assert_eq!(machine.json_lines(&["--profile", "alice", "authorizer", "list"]).len(), 0);

    let names: Vec<Value> =
        machine.json_lines(&["profile", "list"]).iter().map(|p| p["profile"].clone()).collect();
    assert_eq!(names, ["alice", "bob"]);

    let ran = machine.run(&["--json", "--profile", "alice", "record", "read", &bob]);
    assert_eq!(ran.code, 3);
    let error: Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!((&error["error"]["code"], &error["error"]["exit"]), (&"not_found".into(), &3.into()));
}

#[test]
fn clients_of_the_account() {
    let machine = Machine::with_account();
    let alice = machine.register("alice");
    let listed = machine.json_lines(&["client", "list"]);
    assert!(listed.iter().any(|client| client["client_id"] == alice.as_str()), "{listed:?}");

    machine.ok(&["client", "disable", &alice]);
    machine.fails(4, &["--profile", "alice", "record", "list"]);
    machine.ok(&["client", "enable", &alice]);
    machine.ok(&["--profile", "alice", "record", "list"]);

    machine.fails(2, &["client", "delete", &alice]);
    machine.ok(&["client", "delete", &alice, "--yes"]);
    machine.fails(4, &["--profile", "alice", "record", "list"]);

    let token = &machine.json_lines(&["token", "list"])[0];
    machine.ok(&["token", "delete", token["token_id"].as_str().unwrap()]);
    machine.fails(4, &["--profile", "bob", "client", "register", "--token-file", "token"]);

    machine.fails(2, &["account", "delete"]);
    machine.ok(&["account", "delete", "--yes"]);
    machine.fails(4, &["account", "login", "--email", "me@example.com"]);
}

#[test]
fn a_session_can_be_left_and_taken_up_again() {
    let machine = Machine::with_account();
    machine.ok(&["account", "logout"]);
    machine.fails(4, &["token", "list"]);
    machine.ok(&["account", "login", "--email", "ME@example.com"]);
    assert_eq!(machine.json_lines(&["token", "list"]).len(), 1);
    let session = std::fs::read_to_string(machine.path("config/accounts/default.json")).unwrap();
    assert!(!session.contains(machine::PASSWORD));
}

#[cfg(unix)]
#[test]
fn files_with_secrets_belong_to_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let machine = Machine::with_account();
    machine.register("alice");
    let mode = |path: &str| machine.path(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("config/profiles"), 0o700);
    assert_eq!(mode("config/profiles/alice.json"), 0o600);
    assert_eq!(mode("config/accounts/default.json"), 0o600);

    let path = machine.path("config/profiles/alice.json");
    assert_eq!(machine.ok(&["--profile", "alice", "profile", "path"]).trim(), path.to_str().unwrap());
    let shown = machine.ok(&["--profile", "alice", "profile", "show"]);
    let file: Value =
        serde_json::from_str(&machine.ok(&["--profile", "alice", "profile", "show", "--secrets"])).unwrap();
    for secret in ["private_key", "private_signing_key", "api_secret"] {
        assert!(!shown.contains(file[secret].as_str().unwrap()), "{secret}");
    }

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = machine.fails(4, &["--profile", "alice", "whoami"]);
    assert!(error.contains("chmod 600"), "{error}");
}

#[test]
fn records_cannot_steer_the_terminal() {
    let machine = Machine::with_account();
    machine.register("alice");
    let bad = "x\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}y\nplain owner=me";
    let body = serde_json::json!({ bad: bad }).to_string();
    let plain = format!("{}={bad}", "k\u{1b}c");
    let write =
        ["--profile", "alice", "record", "write", "t\u{1b}[31m", "--from-json", "-", "--plain", &plain];
    let ran = machine.run_with_input(&write, &body);
    assert_eq!(ran.code, 0, "{ran:?}");
    let id = ran.out.trim();
    for arguments in [
        &["--profile", "alice", "record", "read", id][..],
        &["--profile", "alice", "record", "list", "--data"],
        &["--profile", "alice", "record", "list"],
        &["--profile", "alice", "explain", id],
    ] {
        let out = machine.ok(arguments);
        let unsafe_ones = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!out.contains(unsafe_ones), "{arguments:?}: {out:?}");
        assert!(!out.lines().any(|line| line.starts_with("plain owner")), "{arguments:?}: {out:?}");
    }
}

#[test]
fn large_values_are_refused_with_a_reason() {
    let machine = Machine::with_account();
    machine.register("alice");
    std::fs::write(machine.path("large"), vec![b'a'; 7 * 1024 * 1024]).unwrap();
    let error = machine.fails(1, &["--profile", "alice", "record", "write", "note", "a=@large"]);
    assert!(error.contains("too large"), "{error}");
    std::fs::write(machine.path("binary"), [0xff, 0xfe]).unwrap();
    let error = machine.fails(1, &["--profile", "alice", "record", "write", "note", "a=@binary"]);
    assert!(error.contains("UTF-8"), "{error}");

    std::fs::write(machine.path("fits"), vec![b'a'; 5 * 1024 * 1024]).unwrap();
    let id = machine.ok(&["--profile", "alice", "record", "write", "note", "a=@fits"]);
    let raw = machine.ok(&["--profile", "alice", "record", "read", id.trim(), "--field", "a", "--raw"]);
    assert_eq!(raw.len(), 5 * 1024 * 1024);
}

#[test]
fn a_token_is_not_taken_from_the_command_line() {
    let machine = Machine::with_account();
    let token = std::fs::read_to_string(machine.path("token")).unwrap();
    assert_eq!(token.len(), 65, "64 hexadecimal characters and a line end");
    assert!(token.trim().chars().all(|c| c.is_ascii_hexdigit()), "{token}");
    machine.fails(2, &["client", "register", "--token", token.trim()]);
    machine.fails(2, &["client", "register", token.trim()]);
    assert_eq!(machine.run_with_input(&["client", "register"], &token).code, 0);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = binary()
        .args(["completions", "bash"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}

#[test]
fn nothing_is_asked_without_a_terminal() {
    let machine = Machine::start();
    let mut command = machine.command(&["account", "create", "--email", "a@example.com"]);
    let mut child = command.env_remove("TOZSTORE_ACCOUNT_PASSWORD").spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"password\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4));
}

#[cfg(unix)]
#[test]
fn the_server_ends_in_good_order() {
    let mut machine = Machine::start();
    assert_eq!(machine.terminate_server(), Some(0));
}

#[cfg(unix)]
#[test]
fn records_and_files_go_over_tls() {
    let mut machine = Machine::start_with_tls();
    machine.create_account();
    machine.register("writer");
    machine.ok(&["record", "write", "note", "title=Over TLS", "--profile", "writer"]);
    std::fs::write(machine.path("sent"), "bytes over TLS").unwrap();
    let file = machine.json(&["file", "put", "scan", "sent", "--profile", "writer"]);
    // The server reads its certificate again, and goes on.
    machine.signal_server("-HUP");
    machine.ok(&["file", "get", file["record_id"].as_str().unwrap(), "got", "--profile", "writer"]);
    assert_eq!(std::fs::read(machine.path("got")).unwrap(), b"bytes over TLS");
    // Without the root there is no connection.
    let refused = machine
        .command(&["record", "list", "--profile", "writer"])
        .env("SSL_CERT_FILE", "/dev/null")
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(6));
    assert_eq!(machine.terminate_server(), Some(0));
}

#[test]
fn demo_shows_the_whole_story() {
    let output = binary().arg("demo").output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{out}{err}");
    for part in [
        "listening on http://127.0.0.1:",
        "\"writer_id\"",
        "is nowhere",
        "refused",
        "after the revocation   opens: \"Ada Lovelace\"",
        "after the revocation   stays closed",
        "Every step did what it says",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
}

#[test]
fn help_and_documents_list_every_command() {
    let documents = include_str!("../../../docs/cli.md");
    let commands = commands(&[]);
    assert!(commands.len() > 30, "{commands:?}");
    for command in commands {
        assert!(documents.contains(&format!("`{command}")), "docs/cli.md says nothing of `{command}`");
    }
}

#[test]
fn documents_list_every_option() {
    let documents = include_str!("../../../docs/cli.md");
    for command in commands(&[]) {
        let help = binary().args(command.split(' ')).arg("--help").output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        let options = help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2);
        let options = options.map(|word| word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()));
        for option in options.filter(|option| *option != "--help") {
            assert!(documents.contains(option), "docs/cli.md says nothing of {option} of `{command}`");
        }
    }
}

#[test]
fn files_go_with_notes_and_are_replaced() {
    let machine = Machine::with_account();
    let (alice, bob) = (machine.register("alice"), machine.register("bob"));
    let content: Vec<u8> = (0..100_000_u32).map(|n| (n * 7) as u8).collect();
    let sent = machine.path("sent");
    std::fs::write(&sent, &content).unwrap();
    let sent = sent.to_str().unwrap();
    let write = ["--profile", "alice", "note", "write", &bob, "--file", sent, "--max-views", "1"];
    let note = machine.ok(&write).trim().to_owned();
    let copy = machine.path("copy");
    let to = copy.to_str().unwrap();
    let read = machine.json(&["--profile", "bob", "note", "read", &note, "--from", &alice, "--file", to]);
    assert!(read["file_sealed_bytes"].as_u64().unwrap() > 100_000, "{read}");
    assert!(std::fs::read(&copy).unwrap() == content, "other bytes came back");
    let write = ["--profile", "alice", "note", "write", &bob, "text=hello", "--file", "-"];
    let ran = machine.run_with_input(&write, "from a pipe");
    assert_eq!(ran.code, 0, "{ran:?}");
    let read = ["--profile", "bob", "note", "read", ran.out.trim(), "--from", &alice, "--file", "-"];
    assert_eq!(machine.ok(&read), "from a pipe");
    let without = machine.ok(&["--profile", "alice", "note", "write", &bob, "text=hello"]);
    machine.fails(3, &["--profile", "bob", "note", "read", without.trim(), "--from", &alice, "--file", "-"]);
    machine.fails(2, &["--profile", "alice", "note", "write", &bob]);

    let file = machine.ok(&["--profile", "alice", "file", "put", "photo", sent, "--plain", "k=v"]);
    let file = file.trim();
    let put = ["--profile", "alice", "--json", "file", "put", "photo", "-", "--replace", file];
    let ran = machine.run_with_input(&put, "new");
    assert_eq!(ran.code, 0, "{ran:?}");
    let replaced: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&replaced["record_id"], &replaced["plain"]["k"]), (&Value::from(file), &Value::from("v")));
    assert_eq!(machine.ok(&["--profile", "alice", "file", "get", file, "-"]), "new");
    machine.fails(2, &["--profile", "alice", "file", "put", "other", sent, "--replace", file]);
}

#[test]
fn notes_are_for_one_client_and_run_out() {
    let machine = Machine::with_account();
    let (alice, bob) = (machine.register("alice"), machine.register("bob"));
    let write =
        ["--profile", "alice", "note", "write", &bob, "text=hello", "--max-views", "2", "--name", "n"];
    let note = machine.ok(&write).trim().to_owned();
    machine.fails(5, &write);
    let read = machine.json(&["--profile", "bob", "note", "read", &note, "--from", &alice]);
    assert_eq!(
        (&read["data"]["text"], &read["views"], &read["name"]),
        (&"hello".into(), &1.into(), &"n".into())
    );
    let by_name = ["--profile", "bob", "note", "read", "--name", "n", "--field", "text", "--raw"];
    assert_eq!(machine.ok(&by_name), "hello");
    machine.fails(3, &by_name);
    let replace = ["--profile", "alice", "note", "write", &bob, "text=new", "--name", "n", "--replace"];
    let note = machine.ok(&replace).trim().to_owned();
    assert_eq!(machine.ok(&by_name), "new");
    machine.fails(7, &["--profile", "bob", "note", "read", &note, "--from", &bob]);
    machine.ok(&["--profile", "alice", "note", "delete", &note]);
    machine.fails(3, &by_name);
}

#[test]
fn groups_share_with_all_their_members() {
    let machine = Machine::with_account();
    let (alice, bob) = (machine.register("alice"), machine.register("bob"));
    let group = machine.ok(&["--profile", "alice", "group", "create", "team"]).trim().to_owned();
    let by = |profile: &'static str, rest: &[&str]| {
        let mut line = vec!["--profile", profile, "group"];
        line.extend(rest);
        line.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()
    };
    let ok = |profile, rest: &[&str]| {
        let line = by(profile, rest);
        machine.ok(&line.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let lines = |profile, rest: &[&str]| {
        let line = by(profile, rest);
        machine.json_lines(&line.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let fails = |code, profile, rest: &[&str]| {
        let line = by(profile, rest);
        machine.fails(code, &line.iter().map(String::as_str).collect::<Vec<_>>());
    };
    let shown = lines("alice", &["describe", &group, "--description", "all of us"]);
    assert_eq!((&shown[0]["name"], &shown[0]["description"]), (&"team".into(), &"all of us".into()));
    assert_eq!(lines("alice", &["list"])[0]["group_id"], group.as_str());
    assert!(lines("bob", &["list"]).is_empty());

    let write = ["--profile", "alice", "record", "write", "note", "a=1", "--plain", "p=q"];
    let id = machine.ok(&write).trim().to_owned();
    ok("alice", &["share", &group, "note"]);
    fails(4, "bob", &["records", &group]);
    ok("alice", &["add", &group, &bob]);
    let members = lines("bob", &["members", &group]);
    assert_eq!(members[0]["client_id"], alice.as_str());
    assert_eq!(members[1], serde_json::json!({ "client_id": bob, "can": ["read"] }));
    assert!(ok("bob", &["records", &group]).contains(&id));
    assert_eq!(lines("bob", &["records", &group])[0]["data"], Value::Null);
    assert_eq!(lines("bob", &["records", &group, "--data"])[0]["data"]["a"], "1");
    assert_eq!(machine.json(&["--profile", "bob", "record", "read", &id])["data"]["a"], "1");
    let search = ["--profile", "bob", "record", "search", "--plain", "p=q"];
    let found = |more: &[&str]| machine.json_lines(&[&search[..], more].concat()).len();
    assert_eq!((found(&[]), found(&["--all-writers"]), found(&["--group", &group])), (0, 1, 1));
    assert_eq!(found(&["--all-writers", "--without-groups"]), 0);
    let explained = machine.json(&["--profile", "bob", "explain", &id]);
    assert_eq!(
        (&explained["route"], &explained["key_wrapped_by"]),
        (&"group".into(), &alice.as_str().into())
    );
    assert!(machine.ok(&["--profile", "alice", "explain", &id]).contains(&group));

    // To change takes the right and a share that allows it.
    let update = ["--profile", "bob", "record", "update", &id, "a=2", "--group", &group];
    machine.fails(4, &update);
    ok("alice", &["add", &group, &bob, "--can", "read", "--can", "edit"]);
    ok("alice", &["share", &group, "note", "--editable"]);
    machine.ok(&update);
    assert_eq!(machine.json(&["--profile", "alice", "record", "read", &id])["data"]["a"], "2");
    ok("alice", &["add", &group, &bob, "--can", "manage", "--only"]);
    assert_eq!(lines("bob", &["members", &group])[1]["can"], serde_json::json!(["manage"]));
    machine.fails(3, &["--profile", "bob", "record", "read", &id]);
    ok("alice", &["add", &group, &bob]);
    ok("alice", &["unshare", &group, "note"]);
    assert!(lines("bob", &["records", &group]).is_empty());
    // The last manager stays.
    ok("alice", &["remove", &group, &bob, &bob]);
    fails(1, "alice", &["remove", &group, &alice]);
    fails(2, "alice", &["delete", &group]);
    fails(4, "bob", &["delete", &group, "--yes"]);
    ok("alice", &["delete", &group, "--yes"]);
    fails(3, "alice", &["members", &group]);
}

#[test]
fn sealed_types_are_shared_and_revoked() {
    let machine = Machine::with_account();
    let alice = machine.register("alice");
    let bob = machine.register("bob");
    let as_alice = |arguments: &[&str]| machine.ok(&[&["--profile", "alice", "sealed"], arguments].concat());
    as_alice(&["create", "diary", "--hide-names"]);
    let id = as_alice(&["write", "diary", "text=one", "mood=calm", "--plain", "year=1"]).trim().to_owned();
    machine.fails(5, &["--profile", "alice", "record", "write", "diary", "text=interop"]);

    let fingerprint = |profile: &str| {
        let whoami = machine.json(&["--profile", profile, "whoami"]);
        whoami["sealed_fingerprint"].as_str().unwrap().to_owned()
    };
    let named = format!("{bob}#{}", fingerprint("bob"));
    assert!(machine.ok(&["--profile", "bob", "whoami"]).contains(&named));
    let card = machine.ok(&["--profile", "bob", "whoami", "--card"]).trim().to_owned();
    assert!(card.starts_with("tozcard1."), "{card}");
    let share =
        |with: &str| machine.json(&["--profile", "alice", "sealed", "share", "diary", "--with", with]);
    assert_eq!(share(&bob)["known"], "first_contact");
    assert_eq!(share(&named)["known"], "compared");
    assert_eq!(share(&card)["known"], "compared");
    let others = format!("{bob}#{}", fingerprint("alice"));
    machine.fails(7, &["--profile", "alice", "trust", "verify", &others]);
    machine.fails(7, &["--profile", "alice", "trust", "accept", &others]);
    machine.ok(&["--profile", "alice", "trust", "verify", &card]);
    // What names no client is a type; this one was not counted.
    for record_type in ["nonsense", "diary"] {
        machine.fails(3, &["--profile", "alice", "trust", "verify", record_type]);
    }

    let read = ["--profile", "bob", "sealed", "read", "diary", &id, "--writer", &alice];
    let record = machine.json(&read);
    assert_eq!(record["data"], serde_json::json!({ "text": "one", "mood": "calm" }));
    assert_eq!((&record["plain"]["year"], &record["author_id"]), (&"1".into(), &alice.as_str().into()));
    assert_eq!(machine.ok(&[&read[..], &["--field", "text", "--raw"]].concat()), "one");
    assert!(machine.ok(&["--profile", "alice", "sealed", "readers", "diary"]).contains(&bob));
    machine.fails(1, &["--profile", "bob", "sealed", "write", "diary", "a=1", "--writer", &alice]);

    as_alice(&["revoke", "diary", "--from", &bob]);
    machine.fails(3, &read);
    assert_eq!(as_alice(&["update", "diary", &id, "text=two", "--remove", "mood"]).trim(), "2");
    machine
        .fails(5, &["--profile", "alice", "sealed", "update", "diary", &id, "text=three", "--version", "1"]);
    as_alice(&["share", "diary", "--with", &bob, "--can", "edit"]);
    let bobs =
        machine.ok(&["--profile", "bob", "sealed", "write", "diary", "text=by bob", "--writer", &alice]);
    as_alice(&["rotate", "diary"]);
    let complete = ["--profile", "alice", "sealed", "rotate", "diary", "--complete"];
    let done = machine.json(&complete);
    assert_eq!((&done["rewrapped"], &done["counted"]), (&2.into(), &2.into()), "{done}");
    assert_eq!(machine.json(&complete)["rewrapped"], 0);
    let compared = machine.json(&["--profile", "bob", "trust", "verify", "diary", "--writer", &alice]);
    assert_eq!((&compared["counted"], &compared["compared"]), (&2.into(), &2.into()));
    let listed = machine.json_lines(&["--profile", "alice", "sealed", "list", "diary", "--data"]);
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0]["data"], serde_json::json!({ "text": "two" }));
    assert_eq!(
        (&listed[1]["author_id"], &listed[1]["record_id"]),
        (&bob.as_str().into(), &bobs.trim().into())
    );
    assert!(as_alice(&["list", "diary"]).contains(bobs.trim()));
    as_alice(&["delete", "diary", &id]);
    machine.fails(3, &["--profile", "alice", "sealed", "read", "diary", &id]);
    machine.ok(&["--profile", "alice", "trust", "reset", "diary", "--yes"]);
    assert_eq!(machine.json_lines(&["--profile", "alice", "sealed", "list", "diary"]).len(), 1);

    // What is remembered is authenticated: what altered it is found out.
    let state = machine.path("config/sealed/alice.state");
    let mut bytes = std::fs::read(&state).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&state, bytes).unwrap();
    machine.fails(7, &["--profile", "alice", "sealed", "list", "diary"]);
}

#[test]
fn documents_list_every_setting_with_its_default() {
    let documents = include_str!("../../../docs/configuration.md");
    let mut section = String::new();
    let mut settings = 0;
    for line in include_str!("../../../docs/tozstore.toml").lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = format!("{}.", name.trim_end_matches(']'));
        } else if let Some((name, default)) = line.split_once(" = ") {
            let name = format!("`{section}{}`", name.trim_start_matches(['#', ' ']));
            let row = documents.lines().find(|row| row.starts_with(&format!("| {name}")));
            let row = row.unwrap_or_else(|| panic!("docs/configuration.md says nothing of {name}"));
            let plain = default.replace('_', "");
            let default = if default.starts_with('[') { default } else { plain.trim_matches('"') };
            assert!(row.contains(default) || row.replace('_', "").contains(default), "{row}: {default}");
            settings += 1;
        }
    }
    assert!(settings > 15, "{settings}");
}

#[test]
fn completions_and_manual_pages_are_made() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = binary().args(["completions", shell]).output().unwrap();
        assert!(output.status.success() && output.stdout.len() > 1000, "{shell}");
    }
    let page = binary().arg("man").output().unwrap();
    assert!(String::from_utf8(page.stdout).unwrap().contains(".TH tozstore 1"));

    let folder = tempfile::tempdir().unwrap();
    assert!(binary().arg("man").arg("--out").arg(folder.path()).status().unwrap().success());
    let pages: BTreeSet<String> = folder
        .path()
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for command in commands(&[]) {
        let page = format!("tozstore-{}.1", command.replace(' ', "-"));
        assert!(pages.contains(&page), "{page} in {pages:?}");
    }
}

fn members(object: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// Every command that `--help` lists, with its parts: `record`, `record write`, ...
fn commands(parents: &[&str]) -> Vec<String> {
    let help = binary().args(parents).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let Some(listed) = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()) else {
        return Vec::new();
    };
    let names = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names
        .flat_map(|name| {
            let path: Vec<&str> = parents.iter().copied().chain([name]).collect();
            let own = path.join(" ");
            std::iter::once(own).chain(commands(&path))
        })
        .collect()
}

#[cfg(unix)]
#[test]
fn an_operator_sets_quotas_and_verifies_the_audit_log() {
    let mut machine = Machine::with_account();
    let client = machine.register("alice");
    let write = ["--profile", "alice", "record", "write", "note", "a=b"];
    machine.ok(&write);
    let account = machine.json(&["account", "login", "--email", "me@example.com"]);
    let account = account["account_id"].as_str().unwrap().to_owned();
    // The rows lie in a file, which the server has open.
    machine.fails(1, &["admin", "quota", "show", &account, "--data", "data"]);
    assert_eq!(machine.terminate_server(), Some(0));

    let shown = machine.json(&["admin", "quota", "show", &account, "--data", "data"]);
    assert_eq!(
        (&shown["records"], &shown["files"], &shown["most_records"]),
        (&1.into(), &0.into(), &Value::Null)
    );
    let set = ["admin", "quota", "set", &account, "--records", "1", "--bytes", "100000", "--data", "data"];
    assert_eq!(machine.json(&set)["most_records"], 1);
    machine.ok(&["admin", "quota", "recount", "--data", "data"]);
    machine.fails(3, &["admin", "quota", "show", &client, "--data", "data"]);

    let ran = machine.run(&["admin", "audit", "export", "--data", "data"]);
    let head = ran.err.trim().strip_prefix("head ").unwrap().to_owned();
    let name = machine.json(&["admin", "audit", "name", &client, "--data", "data"]);
    assert!(
        ran.out.contains(&format!("\"actor\":\"client:{}\"", name["name"].as_str().unwrap())),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("\"action\":\"quota_set\",\"actor\":\"operator\""));
    let log = machine.path("audit.jsonl");
    std::fs::write(&log, &ran.out).unwrap();
    let verified = machine.json(&["admin", "audit", "verify", "audit.jsonl", "--head", &head]);
    assert_eq!(verified["head"].as_str(), Some(head.as_str()));
    let lines: Vec<&str> = ran.out.lines().collect();
    std::fs::write(&log, lines[..lines.len() - 1].join("\n") + "\n").unwrap();
    machine.ok(&["admin", "audit", "verify", "audit.jsonl"]);
    let told = machine.fails(7, &["admin", "audit", "verify", "audit.jsonl", "--head", &head]);
    assert!(told.contains("cut off"), "{told}");
    std::fs::write(&log, ran.out.replacen("access_key_put", "access_key_set", 1)).unwrap();
    assert!(machine.fails(7, &["admin", "audit", "verify", "audit.jsonl"]).contains("was changed"));
}
