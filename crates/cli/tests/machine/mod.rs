//! A machine of its own for one test: a server child, a folder for profiles, and the binary to run.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// The password of the account in tests.
pub const PASSWORD: &str = "a long password for tests";

pub struct Machine {
    pub folder: tempfile::TempDir,
    pub url: String,
    /// Variables of the commands that run on it.
    variables: Vec<(&'static str, PathBuf)>,
    server: Child,
}

/// What one run of the binary gave.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Machine {
    pub fn start() -> Self {
        let machine = Self::start_in(tempfile::tempdir().unwrap(), vec![], vec![]);
        assert!(machine.url.starts_with("http://127.0.0.1:"), "{}", machine.url);
        machine
    }

    /// A machine whose server speaks TLS, with a certificate that the commands trust.
    pub fn start_with_tls() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let of_server =
            vec![("TOZSTORE_TLS_CERTIFICATE_FILE", certificate.clone()), ("TOZSTORE_TLS_KEY_FILE", key)];
        let machine = Self::start_in(folder, of_server, vec![("SSL_CERT_FILE", certificate)]);
        assert!(machine.url.starts_with("https://127.0.0.1:"), "{}", machine.url);
        machine
    }

    fn start_in(
        folder: tempfile::TempDir,
        of_server: Vec<(&'static str, PathBuf)>,
        variables: Vec<(&'static str, PathBuf)>,
    ) -> Self {
        let mut server = binary()
            .envs(of_server)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap_or_else(|| panic!("first line: {line:?}"))
            .to_owned();
        Self { folder, url, variables, server }
    }

    /// A machine on which an account exists, and a registration token lies in the file `token`.
    pub fn with_account() -> Self {
        let machine = Self::start();
        machine.create_account();
        machine
    }

    pub fn create_account(&self) {
        self.ok(&["account", "create", "--email", "me@example.com", "--name", "Me"]);
        let token = self.ok(&["token", "create"]);
        std::fs::write(self.path("token"), token).unwrap();
    }

    /// Registers a client and returns its id.
    pub fn register(&self, profile: &str) -> String {
        let token = self.path("token");
        self.ok(&["client", "register", "--profile", profile, "--token-file", token.to_str().unwrap()]);
        self.ok(&["whoami", "--id", "--profile", profile]).trim().to_owned()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = binary();
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("TOZSTORE_CONFIG_DIR", self.path("config"))
            .env("TOZSTORE_API_URL", &self.url)
            .envs(self.variables.iter().cloned())
            .env("TOZSTORE_ACCOUNT_PASSWORD", PASSWORD)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with_input(arguments, "")
    }

    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let mut child = self.command(arguments).spawn().unwrap();
        // A command that does not read its input may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Standard output of a run that must succeed.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        ran.out
    }

    /// A run that must fail with this exit code, in two lines on standard error.
    pub fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
        if code != 2 {
            let lines: Vec<&str> = ran.err.lines().collect();
            assert!(
                matches!(lines[..], [what, advice] if what.starts_with("error: ") && advice.starts_with("  try: ")),
                "{arguments:?}: {ran:?}"
            );
        }
        ran.err
    }

    /// The one JSON document that a run prints.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let documents = self.json_lines(arguments);
        assert_eq!(documents.len(), 1, "{arguments:?}: {documents:?}");
        documents.into_iter().next().unwrap()
    }

    /// The JSON documents that a run prints, one on each line.
    pub fn json_lines(&self, arguments: &[&str]) -> Vec<Value> {
        let arguments: Vec<&str> = ["--json"].iter().chain(arguments).copied().collect();
        self.ok(&arguments).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Sends the server a signal, such as `-HUP`.
    #[cfg(unix)]
    pub fn signal_server(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.server.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Ends the server as an administrator would. Returns its exit code.
    #[cfg(unix)]
    pub fn terminate_server(&mut self) -> Option<i32> {
        self.signal_server("-TERM");
        self.server.wait().unwrap().code()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The binary, with nothing of the surrounding shell's settings.
pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tozstore"));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("TOZSTORE_")) {
            command.env_remove(name);
        }
    }
    command
}
