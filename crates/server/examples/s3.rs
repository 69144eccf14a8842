//! An S3 server to test with: `s3 ADDRESS FOLDER`. It has one bucket, `bucket`, and one key, `test`, whose secret it writes
//! into `FOLDER/secret`. When it listens it says so on standard output.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a tool of the tests")]

#[path = "../tests/object_server/mod.rs"]
mod object_server;

use std::env;
use std::path::PathBuf;

use object_server::ObjectServer;

#[tokio::main]
async fn main() {
    let mut arguments = env::args().skip(1);
    let (address, folder) = (arguments.next(), arguments.next().map(PathBuf::from));
    let address = address.as_deref().unwrap_or("127.0.0.1:9000").parse().unwrap();
    let server = match folder {
        Some(folder) => ObjectServer::start_at(address, &folder).await,
        None => ObjectServer::start().await,
    };
    println!("listening on http://{}", server.address);
    std::future::pending::<()>().await;
}
