//! The real SDK against the real server: what the tests and benchmarks of this crate stand on.
//!
//! It panics where a test would: nothing here is published.
#![allow(clippy::expect_used, clippy::panic, reason = "a harness of tests")]

pub mod lying;

use tozstore::{Account, Client, NewAccount, Registration, Secret, TokenOptions};
use tozstore_server::config::Config;
use tozstore_server::{RunningServer, Server};

/// A server of its own for one test, with an account and a registration token. Its data are gone when it is dropped.
pub struct World {
    /// Where it listens.
    pub api_url: String,
    /// The account.
    pub account: Account,
    /// The account's paper key.
    pub paper_key: Secret,
    /// A registration token without limits.
    pub token: Secret,
    server: RunningServer,
    config: Config,
    folder: tempfile::TempDir,
}

/// E-mail address of the account in a [`World`].
pub const EMAIL: &str = "Owner@example.com";
/// Its password.
pub const PASSWORD: &str = "kP3v-9sXq-Lw2t-Zr8b";

impl World {
    /// Starts a server on a free port and creates the account.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same, with other settings than the default ones.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut config = Config { data_dir: folder.path().join("data"), ..Config::default() };
        config.listen.address = ([127, 0, 0, 1], 0).into();
        change(&mut config);
        let server = Server::start(config.clone()).await.expect("a server");
        let api_url = url_of(&server);
        let new = NewAccount { name: "Owner", email: EMAIL, password: &Secret::new(PASSWORD) };
        let (account, paper_key) = Account::create(&api_url, new).await.expect("an account");
        let token = account.create_token(TokenOptions::default()).await.expect("a registration token").token;
        Self { api_url, account, paper_key, token, server, config, folder }
    }

    /// Registers a client.
    pub async fn register(&self, name: &str) -> Registration {
        Client::register(&self.api_url, self.token.expose(), name).await.expect("a registration")
    }

    /// Registers a client and takes it into use.
    pub async fn client(&self, name: &str) -> Client {
        Client::new(self.register(name).await.credentials).expect("a client")
    }

    /// How the server is set up.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Where the bytes of files lie.
    pub fn file_bytes(&self) -> Vec<std::path::PathBuf> {
        let list = |folder: &std::path::Path| {
            let entries = std::fs::read_dir(folder).expect("a folder");
            entries.map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>()
        };
        list(&self.folder.path().join("data/files")).iter().flat_map(|folder| list(folder)).collect()
    }

    /// Copies everything that the server keeps, as a backup or a thief would. It has to be at rest.
    pub fn copy_data(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().expect("a temporary folder");
        copy_folder(&self.folder.path().join("data"), copy.path());
        copy
    }

    /// Serves a copy of the data, at another address, which is returned too.
    pub async fn serve_copy(&self, copy: &std::path::Path) -> (RunningServer, String) {
        let config = Config { data_dir: copy.to_owned(), ..self.config.clone() };
        let server = Server::start(config).await.expect("a server");
        let api_url = url_of(&server);
        (server, api_url)
    }

    /// Stops the server in good order and starts another on the same data, at another address.
    pub async fn restart(mut self) -> Self {
        self.server.shutdown().await;
        self.server = Server::start(self.config.clone()).await.expect("a server");
        self.api_url = url_of(&self.server);
        self
    }
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            std::fs::create_dir(&target).expect("a folder");
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("a copy");
        }
    }
}

fn url_of(server: &RunningServer) -> String {
    format!("http://{}", server.local_addr())
}
