//! `demo`: the main job, shown step by step and checked at each: a server, two clients, a record, what the server
//! holds, sharing, revoking; and what a revoked client makes of a copy of the database.

mod stolen;
mod stored;

use std::path::Path;

use serde_json::json;
use tozstore::{Account, Client, Credentials, Error, NewAccount, Record, RecordId, Secret, TokenOptions};
use tozstore_server::Server;
use tozstore_server::config::{Config, ConfigOverrides};

use self::stored::{bytes_in_folder, record_over_plain_http};
use crate::exit::{Code, Failure, Outcome};
use crate::output::Output;

const RECORD_TYPE: &str = "contact";
/// What only the writer and its readers may see.
const SECRETS: [(&str, &str); 2] = [("name", "Ada Lovelace"), ("phone", "555-0100")];
/// What the server may read.
const PLAIN: (&str, &str) = ("city", "London");

/// Runs the demo. Fails at the first step that does not do what it says.
pub async fn run(output: Output) -> Outcome {
    let folder = tempfile::Builder::new().prefix("tozstore-demo-").tempdir().map_err(|error| {
        Failure::new(
            Code::Failed,
            format!("cannot make a temporary folder: {error}"),
            "set TMPDIR to a folder of yours",
        )
    })?;
    let mut story = Story { output, steps: 0 };
    let interrupted = || {
        Failure::new(Code::Failed, "the demo was interrupted", "run it again; nothing of it is left behind")
    };
    let told = tokio::select! {
        told = tell(&mut story, folder.path()) => told,
        _ = tokio::signal::ctrl_c() => Err(interrupted()),
    };
    told?;
    if output.is_json() {
        return output.document(&json!({ "ok": true, "steps": story.steps }));
    }
    Ok(())
}

async fn tell(story: &mut Story, folder: &Path) -> Outcome {
    story.step("Start a server with an empty embedded database, on a free port of this machine.")?;
    let overrides = ConfigOverrides {
        data_dir: Some(folder.join("data")),
        listen_address: Some(([127, 0, 0, 1], 0).into()),
        ..ConfigOverrides::default()
    };
    // Nothing of the surrounding settings: the demo is the same everywhere.
    let config = Config::load(None, [], overrides).map_err(super::serve::not_started)?;
    let server = Server::start(config).await.map_err(super::serve::not_started)?;
    let api_url = format!("http://{}", server.local_addr());
    story.fact(&format!("listening on {api_url}"))?;

    let (alice, bob) = two_clients(story, &api_url).await?;
    let id = write(story, &alice).await?;
    look_at_the_server(story, alice.credentials(), id, &folder.join("data")).await?;

    story.step("Bob tries to read it.")?;
    story.refused(bob.read(id).await)?;

    story.step(&format!(
        "Alice shares the record type {RECORD_TYPE:?} with Bob: she wraps its key for his public key."
    ))?;
    alice.share(RECORD_TYPE, bob.id()).await?;
    story.fact("the server keeps the wrapped key, and cannot open it")?;

    story.step("Bob reads the record. It was fetched sealed, and opened here with his private key.")?;
    story.reads(&bob.read(id).await?)?;

    story.step("Alice revokes the share.")?;
    alice.revoke(RECORD_TYPE, bob.id()).await?;
    story.fact("the server has deleted the key that was wrapped for Bob")?;

    story.step("Bob tries again.")?;
    story.refused(bob.read(id).await)?;

    story.step("Alice, who wrote it, still reads it.")?;
    story.reads(&alice.read(id).await?)?;

    stolen::tell(story, (&alice, &bob), &folder.join("data"), &folder.join("stolen")).await?;

    server.shutdown().await;
    story.line("")?;
    story.line("Every step did what it says. The server is stopped and its folder removed.")?;
    story.line("Go on with: tozstore serve --help")
}

async fn two_clients(story: &mut Story, api_url: &str) -> Outcome<(Client, Client)> {
    story.step(
        "Create an account, and with it a registration token. Who holds the token can register clients.",
    )?;
    let password = Secret::new("only for this demo, gone in seconds");
    let new = NewAccount { name: "Demo", email: "demo@example.com", password: &password };
    let (account, _paper_key) = Account::create(api_url, new).await?;
    let token = account.create_token(TokenOptions::default()).await?.token;
    story.fact(&format!("account {}", account.id()))?;

    story.step("Register two clients. Their keys are made here; the server gets the public halves.")?;
    let mut clients = Vec::new();
    for name in ["Alice", "Bob"] {
        let credentials = Client::register(api_url, token.expose(), name).await?.credentials;
        story.fact(&format!(
            "{name:<5} is client {}, public key {}",
            credentials.client_id(),
            credentials.public_key()
        ))?;
        clients.push(Client::new(credentials)?);
    }
    let [alice, bob] =
        <[Client; 2]>::try_from(clients).map_err(|_| broken("two clients were not registered"))?;
    Ok((alice, bob))
}

async fn write(story: &mut Story, alice: &Client) -> Outcome<RecordId> {
    story.step(&format!(
        "Alice writes a record of type {RECORD_TYPE:?}. Its values are sealed before they are sent."
    ))?;
    let record = alice.write(RECORD_TYPE, SECRETS).plain(PLAIN.0, PLAIN.1).await?;
    for (name, value) in SECRETS {
        story.fact(&format!("{name:<5}  {value:<12}  sealed"))?;
    }
    story.fact(&format!(
        "{:<5}  {:<12}  plain metadata, which the server can read and search",
        PLAIN.0, PLAIN.1
    ))?;
    Ok(record.id())
}

async fn look_at_the_server(
    story: &mut Story,
    credentials: &Credentials,
    id: RecordId,
    data: &Path,
) -> Outcome {
    story.step("What the server holds: the record fetched by plain HTTP, with nothing opened; only line breaks are added.")?;
    let body = record_over_plain_http(credentials, id).await?;
    let stored: serde_json::Value =
        serde_json::from_slice(&body).map_err(|_| broken("the server did not answer with JSON"))?;
    let shown = serde_json::to_string_pretty(&stored).map_err(std::io::Error::other)?;
    for line in shown.lines() {
        story.fact(line)?;
    }

    story.step(
        "Search those bytes, and every byte in the server's data folder, for the values that Alice sealed.",
    )?;
    let files = bytes_in_folder(data)?;
    let occurs = |text: &str, bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    for (name, value) in SECRETS {
        if occurs(value, &body) || files.iter().any(|file| occurs(value, file)) {
            return Err(broken(&format!("the server holds the value of {name} in the clear")));
        }
    }
    // A search that finds nothing proves something only if it would have found it.
    if !occurs(PLAIN.1, &body) || !files.iter().any(|file| occurs(PLAIN.1, file)) {
        return Err(broken("the plain metadata is not where it should be"));
    }
    let total: usize = files.iter().map(Vec::len).sum();
    story.fact(&format!("{} files, {total} bytes", files.len()))?;
    for (_, value) in SECRETS {
        story.fact(&format!("{value:?} is nowhere"))?;
    }
    story.fact(&format!("{:?} is there: it is plain metadata", PLAIN.1))
}

/// Tells the steps, and checks what they promise.
struct Story {
    output: Output,
    steps: u32,
}

impl Story {
    fn step(&mut self, text: &str) -> Outcome {
        self.steps += 1;
        self.line("")?;
        self.line(&format!("{}. {text}", self.steps))
    }

    fn fact(&self, text: &str) -> Outcome {
        self.line(&format!("     {text}"))
    }

    fn line(&self, text: &str) -> Outcome {
        if self.output.is_json() || self.output.is_quiet() { Ok(()) } else { self.output.line(text) }
    }

    fn refused(&self, outcome: Result<Record, Error>) -> Outcome {
        match outcome {
            Err(error @ Error::NotFound(_)) => self.fact(&format!("refused: {error}")),
            Err(error) => Err(error.into()),
            Ok(_) => Err(broken("a record was read that is not shared")),
        }
    }

    fn reads(&self, record: &Record) -> Outcome {
        for (name, value) in SECRETS {
            if record.field(name) != Some(value) {
                return Err(broken(&format!("the field {name} is not what was written")));
            }
            self.fact(&format!("{name:<5}  {value}"))?;
        }
        Ok(())
    }
}

fn broken(what: &str) -> Failure {
    Failure::new(Code::Untrusted, what.to_owned(), "this should never happen: please report it")
}
