//! Streams that end when nothing moves on them. Without this, whoever opens connections and says nothing would keep
//! their places for ever: the timers of the HTTP layer start only once it knows which version it speaks.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Bytes of the first line of HTTP/2 (RFC 9113, section 3.4); no request of HTTP/1.1 is shorter.
const OPENING_BYTES: usize = 24;

/// A stream with two limits on time: for its opening bytes, and for any pause after them.
pub struct Unstalled<S> {
    stream: S,
    opening_bytes: usize,
    opening_time: Duration,
    pause: Duration,
    moved: Instant,
    timer: Pin<Box<Sleep>>,
    stalls: Counter,
}

impl<S> Unstalled<S> {
    /// Gives `stream` so much time to open, and to pause. One that takes longer is counted.
    pub fn new(stream: S, opening_time: Duration, pause: Duration, stalls: Counter) -> Self {
        let moved = Instant::now();
        let timer = Box::pin(tokio::time::sleep_until(moved + opening_time));
        Self { stream, opening_bytes: 0, opening_time, pause, moved, timer, stalls }
    }

    fn moved(&mut self) {
        if self.opening_bytes >= OPENING_BYTES {
            self.moved = Instant::now();
        }
    }

    /// For an operation that waits: whether it has waited too long.
    fn stalled<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        // The timer is moved only when it rings: most operations do not touch it.
        while self.timer.as_mut().poll(context).is_ready() {
            let allowed = if self.opening_bytes < OPENING_BYTES { self.opening_time } else { self.pause };
            let end = self.moved + allowed;
            if end <= Instant::now() {
                self.stalls.inc();
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.timer.as_mut().reset(end);
        }
        Poll::Pending
    }

    fn after_write<T>(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_pending() {
            return self.stalled(context);
        }
        self.moved();
        outcome
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Unstalled<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut this.stream).poll_read(context, buffer);
        if outcome.is_pending() {
            return this.stalled(context);
        }
        let read = buffer.filled().len().saturating_sub(before);
        this.opening_bytes = this.opening_bytes.saturating_add(read);
        this.moved();
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Unstalled<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.after_write(context, outcome)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.after_write(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    fn pair() -> (Unstalled<DuplexStream>, DuplexStream) {
        let (ours, theirs) = duplex(32);
        (
            Unstalled::new(ours, Duration::from_millis(20), Duration::from_millis(40), Counter::default()),
            theirs,
        )
    }

    #[tokio::test]
    async fn a_stream_that_says_nothing_or_too_little_ends() {
        let (mut silent, _theirs) = pair();
        assert_eq!(silent.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let (mut short, mut theirs) = pair();
        theirs.write_all(b"PRI * HTTP").await.unwrap();
        let error = short.read_exact(&mut [0; OPENING_BYTES]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_stream_that_is_not_read_ends() {
        let (mut unread, mut theirs) = pair();
        theirs.write_all(&[0; OPENING_BYTES]).await.unwrap();
        unread.read_exact(&mut [0; OPENING_BYTES]).await.unwrap();
        assert_eq!(unread.write_all(&[0; 100]).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
