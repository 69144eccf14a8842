//! The bytes of files in the interop format.

use tozstore::{Client, Error, Plain};
use tozstore_e2e::lying::{Answer, Cell, Stand, Verdict, judge};

use super::{TYPE, all, interop};

/// Bytes in front of the first block.
const HEAD_BYTES: usize = 124;
/// Bytes of a sealed block.
const BLOCK_BYTES: usize = 65_553;

pub async fn chunks_interop() -> Cell {
    let stand = Stand::start().await;
    let (alice, bob) = (stand.party("alice").await, stand.party("bob").await);
    let content = |byte: u8| vec![byte; 3 * 65_536 + 100];
    let write =
        async |byte| alice.client.write_file(TYPE, &content(byte)[..], Plain::default(), |_| {}).await;
    let (file, other) = (write(1).await.unwrap(), write(2).await.unwrap());
    alice.client.share(TYPE, bob.id()).await.unwrap();
    let read = async |client: &Client| -> Result<Vec<u8>, Error> {
        let mut content = Vec::new();
        client.read_file(file.id(), &mut content, |_| {}).await.map(|_| content)
    };
    assert_eq!(read(&bob.client).await.unwrap(), content(1));
    let mut others = Vec::new();
    bob.interop_fresh(&stand.liar).read_file(other.id(), &mut others, |_| {}).await.unwrap();
    let others = stand.liar.kept("GET", "/v3/file-bytes/").1.body.to_vec();
    let described = stand.liar.kept_json("GET", "/v1/storage/files/")["meta"]["file_meta"].clone();

    let block = |at: usize| HEAD_BYTES + at * BLOCK_BYTES..HEAD_BYTES + (at + 1) * BLOCK_BYTES;
    type Lie = Box<dyn Fn(&mut Vec<u8>) + Send>;
    let (exchanged, from_other) = (others.clone(), block(1));
    let lies: [Lie; 4] = [
        Box::new(move |bytes| bytes.truncate(HEAD_BYTES + 3 * BLOCK_BYTES)),
        Box::new(move |bytes| drop(bytes.drain(block(1)))),
        Box::new(move |bytes| {
            let first = bytes[block(0)].to_vec();
            bytes.copy_within(block(1), HEAD_BYTES);
            bytes[block(1)].copy_from_slice(&first);
        }),
        Box::new(move |bytes| bytes[from_other.clone()].copy_from_slice(&exchanged[from_other.clone()])),
    ];
    let mut tried = Vec::new();
    for lie in lies {
        stand.liar.after(move |asked, answer| {
            if asked.is("GET", "/v3/file-bytes/") {
                let mut bytes = answer.body.to_vec();
                lie(&mut bytes);
                answer.body = bytes.into();
            }
        });
        tried.push(interop(&stand.liar, &bob, read, Result::is_ok).await);
    }
    // All of the other file, under this one's name.
    stand.liar.after(move |asked, answer| {
        if asked.is("GET", "/v3/file-bytes/") {
            answer.body = others.clone().into();
        } else if asked.is("GET", "/v1/storage/files/") {
            let mut told: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            for name in ["checksum", "size"] {
                told["meta"]["file_meta"][name] = described[name].clone();
            }
            *answer = Answer::json(200, &told);
        }
    });
    let is_other = |read: &Result<Vec<u8>, Error>| read.as_ref().is_ok_and(|read| *read == content(2));
    let whole = interop(&stand.liar, &bob, read, is_other).await;
    Cell::default()
        .when("cut, reordered, exchanged", judge(all(tried), Verdict::NotDetectable))
        .note("by our client")
        .when("whole file exchanged", judge(whole, Verdict::NotDetectable))
}
