//! What sealed types cost beside interop ones and beside plaintext, through the same server: bytes and times.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value, json};
use tozstore::{
    Account, Client, ClientId, Credentials, Fields, MemoryStateStore, NewAccount, RecordId, SealedClient,
    Secret, TokenOptions,
};
use tozstore_server::Server;

use crate::local::{Passed, Relay, config, url_of};
use crate::{AnyError, median};

/// Fields of a record, and bytes of each.
const FIELDS: [usize; 3] = [1, 5, 20];
const FIELD_BYTES: [usize; 3] = [16, 256, 4096];

/// How much is done.
struct Plan {
    rounds: usize,
    /// Requests of a round that are not counted, and those that are.
    warm_up: usize,
    requests: usize,
    /// Records whose bytes are counted.
    counted: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Format {
    /// Nothing is sealed: the fields as they are, in the body of the interop protocol.
    Plaintext,
    Interop,
    Sealed,
}

impl Format {
    const ALL: [Self; 3] = [Self::Plaintext, Self::Interop, Self::Sealed];

    const fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Interop => "interop",
            Self::Sealed => "sealed",
        }
    }
}

/// Fields, and bytes of each.
type Shape = (usize, usize);

/// Bytes of one record.
#[derive(Clone, Copy, Debug, Default)]
struct Sizes {
    stored: f64,
    written: f64,
    read: f64,
}

/// Milliseconds.
#[derive(Clone, Copy, Debug)]
struct Times {
    write: f64,
    read: f64,
}

pub(crate) fn run() -> Result<(), AnyError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let plan = Plan { rounds: 5, warm_up: 5, requests: 40, counted: 20 };
    println!("{}", runtime.block_on(measure(&plan))?);
    Ok(())
}

async fn measure(plan: &Plan) -> Result<String, AnyError> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(config(folder.path())).await?;
    let credentials = register(&url_of(server.local_addr())).await?;
    let relay = Relay::start(server.local_addr()).await?;
    let direct = Caller::new(&credentials, server.local_addr()).await?;
    let relayed = Caller::new(&credentials, relay.address).await?;
    let database = folder.path().join("tozstore.db");
    let sizes = count(plan, relayed, &relay, &database).await?;
    let times = time(plan, direct).await?;
    server.shutdown().await;
    Ok(format!("{}\n{}", told_times(plan, &times), told_sizes(&sizes)))
}

fn shapes() -> impl Iterator<Item = Shape> {
    FIELDS.into_iter().flat_map(|fields| FIELD_BYTES.map(|bytes| (fields, bytes)))
}

async fn count(
    plan: &Plan,
    mut caller: Caller,
    relay: &Relay,
    database: &Path,
) -> Result<BTreeMap<(Format, Shape), Sizes>, AnyError> {
    let mut sizes = BTreeMap::new();
    for format in Format::ALL {
        for shape in shapes() {
            caller.forget().await?;
            // The type and its keys come with the first.
            caller.write(format, shape).await?;
            let before = stored_bytes(database)?;
            let mut passed = (Passed { sent: 0, received: 0 }, Passed { sent: 0, received: 0 });
            relay.take();
            for _ in 0..plan.counted {
                let id = caller.write(format, shape).await?;
                passed.0.sent += relay.take().sent;
                caller.read(format, shape, id).await?;
                passed.1.received += relay.take().received;
            }
            let each = |bytes: u64| bytes as f64 / plan.counted as f64;
            let stored = each(stored_bytes(database)?.saturating_sub(before));
            let of = Sizes { stored, written: each(passed.0.sent), read: each(passed.1.received) };
            sizes.insert((format, shape), of);
        }
    }
    Ok(sizes)
}

/// Rounds are interleaved, so that what else the machine does falls on all formats.
async fn time(plan: &Plan, mut caller: Caller) -> Result<BTreeMap<(Format, Shape), Times>, AnyError> {
    let mut all: BTreeMap<(Format, Shape), Vec<(f64, f64)>> = BTreeMap::new();
    for _ in 0..plan.rounds {
        for shape in shapes() {
            // What a client remembers of sealed records is written at each call: it begins with none.
            caller.forget().await?;
            for format in Format::ALL {
                let (mut writes, mut reads) = (Vec::new(), Vec::new());
                for step in 0..plan.warm_up + plan.requests {
                    let begun = Instant::now();
                    let id = caller.write(format, shape).await?;
                    let written = begun.elapsed();
                    let begun = Instant::now();
                    caller.read(format, shape, id).await?;
                    if step >= plan.warm_up {
                        writes.push(written);
                        reads.push(begun.elapsed());
                    }
                }
                let middle = |times: &[Duration]| median(times.iter().map(Duration::as_secs_f64)) * 1_000.0;
                all.entry((format, shape)).or_default().push((middle(&writes), middle(&reads)));
            }
        }
    }
    let medians = |rounds: Vec<(f64, f64)>| Times {
        write: median(rounds.iter().map(|round| round.0)),
        read: median(rounds.iter().map(|round| round.1)),
    };
    Ok(all.into_iter().map(|(key, rounds)| (key, medians(rounds))).collect())
}

/// One client in all three formats.
struct Caller {
    client: Client,
    sealed: SealedClient,
    plaintext: Plaintext,
}

impl Caller {
    async fn new(credentials: &Credentials, address: SocketAddr) -> Result<Self, AnyError> {
        let credentials = credentials.clone().with_api_url(&url_of(address));
        let plaintext = Plaintext::connect(&credentials, address).await?;
        let client = Client::new(credentials)?;
        Ok(Self { sealed: client.sealed(MemoryStateStore::new()).await?, client, plaintext })
    }

    /// Begins anew with what is remembered of sealed types.
    async fn forget(&mut self) -> Result<(), AnyError> {
        self.sealed = self.client.sealed(MemoryStateStore::new()).await?;
        Ok(())
    }

    async fn write(&mut self, format: Format, shape: Shape) -> Result<RecordId, AnyError> {
        let name = name_of(format, shape);
        match format {
            Format::Plaintext => self.plaintext.write(&name, shape).await,
            Format::Interop => Ok(self.client.write(&name, fields_of(shape)).await?.id()),
            Format::Sealed => Ok(self.sealed.write(&name, fields_of(shape)).await?.id()),
        }
    }

    async fn read(&mut self, format: Format, shape: Shape, id: RecordId) -> Result<(), AnyError> {
        let value = value_of(shape);
        let is_so = match format {
            Format::Plaintext => self.plaintext.read(id).await?["data"]["field-0"].as_str() == Some(&value),
            Format::Interop => self.client.read(id).await?.field("field-0") == Some(&value),
            Format::Sealed => {
                let record = self.sealed.read(self.sealed.id(), &name_of(format, shape), id).await?;
                record.field("field-0") == Some(&value)
            }
        };
        if is_so { Ok(()) } else { Err(format!("a {} record came back otherwise", format.name()).into()) }
    }
}

fn name_of(format: Format, (fields, bytes): Shape) -> String {
    format!("{}-{fields}-{bytes}", format.name())
}

fn value_of((_, bytes): Shape) -> String {
    "v".repeat(bytes)
}

fn fields_of(shape: Shape) -> Fields {
    let (mut fields, value) = (Fields::default(), value_of(shape));
    for number in 0..shape.0 {
        fields.insert(format!("field-{number}"), value.as_str());
    }
    fields
}

/// A client that seals nothing, on one connection.
struct Plaintext {
    sender: hyper::client::conn::http1::SendRequest<Full<Bytes>>,
    client: ClientId,
    authorization: String,
}

impl Plaintext {
    async fn connect(credentials: &Credentials, address: SocketAddr) -> Result<Self, AnyError> {
        let stream = tokio::net::TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut plaintext = Self { sender, client: credentials.client_id(), authorization: String::new() };
        let json: Value = serde_json::from_str(&credentials.to_json())?;
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            credentials.api_key_id(),
            json["api_secret"].as_str().unwrap_or_default()
        );
        let answer = plaintext.send(Method::POST, "/v1/auth/token", form.into()).await?;
        let token = answer["access_token"].as_str().ok_or("the server issued no token")?;
        plaintext.authorization = format!("Bearer {token}");
        Ok(plaintext)
    }

    async fn write(&mut self, record_type: &str, shape: Shape) -> Result<RecordId, AnyError> {
        let data: Map<_, _> =
            fields_of(shape).iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
        let meta =
            json!({ "writer_id": self.client, "user_id": self.client, "type": record_type, "plain": {} });
        let body = serde_json::to_vec(&json!({ "meta": meta, "data": data }))?;
        let answer = self.send(Method::POST, "/v1/storage/records", body.into()).await?;
        Ok(answer["meta"]["record_id"].as_str().ok_or("the server gave no record")?.parse()?)
    }

    async fn read(&mut self, id: RecordId) -> Result<Value, AnyError> {
        self.send(Method::GET, &format!("/v1/storage/records/{id}"), Bytes::new()).await
    }

    async fn send(&mut self, method: Method, path: &str, body: Bytes) -> Result<Value, AnyError> {
        let request = Request::builder().method(method).uri(path).header("host", "localhost");
        let request = if self.authorization.is_empty() {
            request
        } else {
            request.header("authorization", &self.authorization)
        };
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Full::new(body))?).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if !matches!(status, StatusCode::OK | StatusCode::CREATED) {
            return Err(format!("{path}: {status} {}", String::from_utf8_lossy(&body)).into());
        }
        Ok(serde_json::from_slice(&body)?)
    }
}

async fn register(url: &str) -> Result<Credentials, AnyError> {
    let password = Secret::new("a password for nothing but this run");
    let new = NewAccount { name: "bench", email: "bench@example.com", password: &password };
    let (account, _paper_key) = Account::create(url, new).await?;
    let token = account.create_token(TokenOptions::default()).await?.token;
    Ok(Client::register(url, token.expose(), "bench").await?.credentials)
}

/// Bytes of the values in all rows that records have, numbers as eight.
fn stored_bytes(database: &Path) -> Result<u64, AnyError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(PathBuf::from(database), flags)?;
    let mut sum = 0;
    for table in
        ["records", "record_terms", "record_lists", "sealed_records", "sealed_fields", "sealed_record_order"]
    {
        let mut columns = database.prepare(&format!("SELECT name FROM pragma_table_info('{table}')"))?;
        let columns = columns.query_map([], |row| row.get::<_, String>(0))?;
        let lengths = columns.map(|name| {
            let name = name?;
            Ok(format!(
                "CASE typeof({name}) WHEN 'null' THEN 0 WHEN 'integer' THEN 8 ELSE length(CAST({name} AS BLOB)) END"
            ))
        });
        let lengths: Vec<_> = lengths.collect::<rusqlite::Result<_>>()?;
        let sql = format!("SELECT coalesce(sum({}), 0) FROM {table}", lengths.join(" + "));
        sum += database.query_row(&sql, [], |row| row.get::<_, i64>(0))?.unsigned_abs();
    }
    Ok(sum)
}

fn told_times(plan: &Plan, times: &BTreeMap<(Format, Shape), Times>) -> String {
    let mut text = format!(
        "## Sealed beside interop and plaintext\n\n\
         Milliseconds, p50 of {} requests on one connection, medians of {} interleaved rounds; in brackets how many times \
         that of plaintext.\n\n\
         | fields | bytes of each | write: plaintext | interop | sealed | read: plaintext | interop | sealed |\n\
         | ---: | ---: |{}\n",
        plan.requests,
        plan.rounds,
        " ---: |".repeat(6)
    );
    for shape in shapes() {
        let cells = |pick: fn(&Times) -> f64| {
            let of = |format| times.get(&(format, shape)).map_or(f64::NAN, pick);
            let plaintext = of(Format::Plaintext);
            let ratio = |format| format!("{:.2} ({:.1})", of(format), of(format) / plaintext);
            format!("{plaintext:.2} | {} | {}", ratio(Format::Interop), ratio(Format::Sealed))
        };
        text += &format!(
            "| {} | {} | {} | {} |\n",
            shape.0,
            shape.1,
            cells(|times| times.write),
            cells(|times| times.read)
        );
    }
    text
}

fn told_sizes(sizes: &BTreeMap<(Format, Shape), Sizes>) -> String {
    let mut text = format!(
        "Bytes of a record: in the rows of the store; sent to write it; received to read it. The last two with their \
         headers.\n\n\
         | fields | bytes of each | stored: plaintext | interop | sealed | sent: plaintext | interop | sealed \
         | received: plaintext | interop | sealed |\n| ---: | ---: |{}\n",
        " ---: |".repeat(9)
    );
    let of =
        |format, shape: Shape, pick: fn(&Sizes) -> f64| sizes.get(&(format, shape)).map_or(f64::NAN, pick);
    let picks: [fn(&Sizes) -> f64; 3] = [|sizes| sizes.stored, |sizes| sizes.written, |sizes| sizes.read];
    for shape in shapes() {
        let cells =
            picks.map(|pick| Format::ALL.map(|format| format!("{:.0}", of(format, shape, pick))).join(" | "));
        text += &format!("| {} | {} | {} |\n", shape.0, shape.1, cells.join(" | "));
    }
    text += "\nStored beyond the values: for each field with its name of 7 characters, and for the record as such.\n\n\
             | bytes of a field | a field: plaintext | interop | sealed | a record: plaintext | interop | sealed |\n\
             | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
    let (fewest, most) = (FIELDS[0], FIELDS[FIELDS.len() - 1]);
    for bytes in FIELD_BYTES {
        let field = |format| {
            let stored = |fields| of(format, (fields, bytes), |sizes| sizes.stored);
            (stored(most) - stored(fewest)) / (most - fewest) as f64
        };
        let record = |format| of(format, (fewest, bytes), |sizes| sizes.stored) - field(format);
        let fields = Format::ALL.map(|format| format!("{:.0}", field(format) - bytes as f64));
        let records = Format::ALL.map(|format| format!("{:.0}", record(format)));
        text += &format!("| {bytes} | {} | {} |\n", fields.join(" | "), records.join(" | "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn it_measures_in_small() {
        let text = measure(&Plan { rounds: 1, warm_up: 0, requests: 1, counted: 2 }).await.unwrap();
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        let stored = text.lines().filter(|line| line.starts_with("| 20 | 4096 |")).nth(1).unwrap();
        let cells: Vec<f64> = stored.split('|').filter_map(|cell| cell.trim().parse().ok()).collect();
        // Every count of bytes is at least that of the values, and not twice as much.
        assert_eq!(cells.len(), 11);
        assert!(cells[2..].iter().all(|bytes| (81_920.0..163_840.0).contains(bytes)), "{stored}");
    }
}
