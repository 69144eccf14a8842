//! The bytes of files, at addresses that the server gave: no credentials are sent there.

use std::io::{Read as _, Seek as _};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header;
use tozstore_crypto::SealedFile;

use super::{
    Outcome, Plan, REQUEST_ID, Repeat, Transport, describe, fresh_id, plan, random_fraction, settle,
};
use crate::{Error, UntrustedData};

/// Bytes that are read at once.
const PIECE_BYTES: usize = 256 * 1024;
/// Bytes of an error that are read.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// Longest time for one transfer, however large: the server's addresses live no longer.
const TRANSFER_TIME: Duration = Duration::from_secs(6 * 3600);

impl Transport {
    /// Sends all of `file`, again from its beginning if the connection breaks.
    pub(crate) async fn upload(
        &self,
        url: &str,
        file: std::fs::File,
        sealed: &SealedFile,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), Error> {
        self.check_url(url)?;
        let (id, mut tries) = (fresh_id(), 1);
        loop {
            let outcome = self.upload_once(url, &id, &file, sealed, progress).await?;
            match plan(&outcome, Repeat::Harmless, tries, &self.limits, random_fraction()) {
                Plan::Settle => return settle(outcome, false, &id).map(drop).map_err(Error::from),
                Plan::Wait(wait) => tokio::time::sleep(wait).await,
            }
            tries += 1;
        }
    }

    async fn upload_once(
        &self,
        url: &str,
        id: &str,
        file: &std::fs::File,
        sealed: &SealedFile,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Outcome, Error> {
        let unreadable =
            |error: std::io::Error| Error::Caller(format!("the temporary file cannot be read: {error}"));
        let mut file = file.try_clone().map_err(unreadable)?;
        file.rewind().map_err(unreadable)?;
        let (report, mut reports) = tokio::sync::mpsc::channel(4);
        let pieces = stream::try_unfold((file, 0, report), |(file, mut sent, report)| async move {
            let read = tokio::task::spawn_blocking(move || {
                let mut piece = Vec::with_capacity(PIECE_BYTES);
                (&file).take(PIECE_BYTES as u64).read_to_end(&mut piece).map(|_| (piece, file))
            });
            let (piece, file) = read.await.map_err(std::io::Error::other)??;
            sent += piece.len() as u64;
            let _ = report.send(sent).await;
            Ok::<_, std::io::Error>((!piece.is_empty()).then(|| (Bytes::from(piece), (file, sent, report))))
        });
        let request = self
            .http
            .put(url)
            .timeout(TRANSFER_TIME)
            .header(REQUEST_ID, id)
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header("content-md5", sealed.checksum.to_string())
            .header(header::CONTENT_LENGTH, sealed.len_bytes)
            .body(reqwest::Body::wrap_stream(pieces));
        let mut answer = std::pin::pin!(async { finish(request.send().await).await });
        loop {
            tokio::select! {
                outcome = &mut answer => return Ok(outcome),
                Some(sent) = reports.recv() => progress(sent),
            }
        }
    }

    /// Begins to fetch bytes.
    pub(crate) async fn download(&self, url: &str) -> Result<Download, Error> {
        self.check_url(url)?;
        let patience = Duration::from_millis(self.limits.timeout_ms);
        let (id, mut tries) = (fresh_id(), 1);
        loop {
            let sent = self.http.get(url).timeout(TRANSFER_TIME).header(REQUEST_ID, &id).send();
            let outcome = match tokio::time::timeout(patience, sent).await {
                Err(_) => Outcome::Broken("no answer came in time".to_owned()),
                Ok(Ok(response)) if response.status().is_success() => {
                    return Ok(Download { response, patience });
                }
                Ok(sent) => finish(sent).await,
            };
            match plan(&outcome, Repeat::Harmless, tries, &self.limits, random_fraction()) {
                Plan::Settle => {
                    return Err(match settle(outcome, false, &id) {
                        Ok(_) => UntrustedData::WrongAnswer("status").into(),
                        Err(failure) => match failure.naming("the content of the file") {
                            // Fetching changes nothing that could have been done.
                            Error::Unanswered(reason) => Error::Network(reason),
                            error => error,
                        },
                    });
                }
                Plan::Wait(wait) => tokio::time::sleep(wait).await,
            }
            tries += 1;
        }
    }

    /// Bytes go over TLS if all else does.
    fn check_url(&self, url: &str) -> Result<(), UntrustedData> {
        let is_fit = if self.origin.starts_with("https:") {
            url.starts_with("https://")
        } else {
            url.starts_with("https://") || url.starts_with("http://")
        };
        if is_fit { Ok(()) } else { Err(UntrustedData::WrongAnswer("address of a file")) }
    }
}

/// Bytes on their way here.
pub(crate) struct Download {
    response: reqwest::Response,
    patience: Duration,
}

impl Download {
    /// The next bytes; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        match tokio::time::timeout(self.patience, self.response.chunk()).await {
            Err(_) => Err(Error::Network("the file stopped coming".to_owned())),
            Ok(Err(error)) => Err(Error::Network(describe(error))),
            Ok(Ok(bytes)) => Ok(bytes),
        }
    }
}

async fn finish(sent: Result<reqwest::Response, reqwest::Error>) -> Outcome {
    let mut response = match sent {
        Ok(response) => response,
        Err(error) if error.is_builder() => return Outcome::Unsendable(describe(error)),
        Err(error) if error.is_connect() => return Outcome::NotSent(describe(error)),
        Err(error) => return Outcome::Broken(describe(error)),
    };
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > MAX_ERROR_BYTES => return Outcome::TooLong,
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Outcome::Answered { status, headers, body: body.into() },
            Err(error) => return Outcome::Broken(describe(error)),
        }
    }
}
