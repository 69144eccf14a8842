//! Bearer tokens: fetched once, shared by all requests, renewed before they lapse.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;
use tozstore_api::{AccessToken, SecretText};

use crate::Error;

/// A token that is good until some moment.
pub(crate) struct Token {
    text: SecretText,
    renew_at: Instant,
}

impl Token {
    /// `asked_at` is when the request for the token was sent: its life may have begun then.
    pub(crate) fn new(answer: AccessToken, asked_at: Instant) -> Self {
        let life_s = answer.expires_in.min(MAX_LIFE_S);
        // A tenth of the life, at most half a minute: requests that are on their way must not come too late.
        let margin_s = (life_s / 10).min(30);
        Self { text: answer.access_token, renew_at: asked_at + Duration::from_secs(life_s - margin_s) }
    }

    /// The text, for one header.
    pub(crate) fn expose(&self) -> &str {
        self.text.expose()
    }
}

/// No token is kept for longer than a day, whatever its server says.
const MAX_LIFE_S: u64 = 24 * 60 * 60;

/// Keeps the current token. One fetch at a time: others wait for it and take its result.
#[derive(Default)]
pub(crate) struct TokenSource(Mutex<Option<Arc<Token>>>);

impl TokenSource {
    /// The current token, or the one that `fetch` brings.
    ///
    /// A token that the server has refused is passed as `refused`, and not given out again. If another request has
    /// replaced it in the meantime there is no fetch.
    pub(crate) async fn token(
        &self,
        refused: Option<&Arc<Token>>,
        fetch: impl AsyncFnOnce() -> Result<Token, Error>,
    ) -> Result<Arc<Token>, Error> {
        let mut current = self.0.lock().await;
        if let Some(token) = current.as_ref() {
            let was_refused = refused.is_some_and(|refused| Arc::ptr_eq(refused, token));
            if !was_refused && Instant::now() < token.renew_at {
                return Ok(Arc::clone(token));
            }
        }
        let token = Arc::new(fetch().await?);
        *current = Some(Arc::clone(&token));
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tozstore_api::Timestamp;

    use super::*;

    fn fresh(life_s: u64) -> Token {
        let answer = AccessToken {
            access_token: SecretText::new("token"),
            token_type: "Bearer".to_owned(),
            expires_in: life_s,
            expires_at: Timestamp::default(),
        };
        Token::new(answer, Instant::now())
    }

    #[tokio::test]
    async fn many_requests_cause_one_fetch() {
        let source = TokenSource::default();
        let fetches = AtomicU32::new(0);
        let fetch = async || {
            fetches.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Ok(fresh(900))
        };
        let requests = (0..50).map(|_| source.token(None, fetch));
        let tokens = futures_util::future::try_join_all(requests).await.unwrap();
        assert_eq!(fetches.load(Ordering::Relaxed), 1);

        // All of them were refused: one more fetch, not fifty.
        let requests = tokens.iter().map(|token| source.token(Some(token), fetch));
        futures_util::future::try_join_all(requests).await.unwrap();
        assert_eq!(fetches.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_token_is_renewed_before_it_lapses() {
        let token = fresh(900);
        assert!(token.renew_at <= Instant::now() + Duration::from_secs(870));
        let source = TokenSource::default();
        let first = source.token(None, async || Ok(fresh(0))).await.unwrap();
        let second = source.token(None, async || Ok(fresh(900))).await.unwrap();
        assert!(!Arc::ptr_eq(&first, &second));
    }

    #[tokio::test]
    async fn a_failed_fetch_is_not_remembered() {
        let source = TokenSource::default();
        let failed = source.token(None, async || Err(Error::Network(String::new()))).await;
        assert!(failed.is_err());
        assert!(source.token(None, async || Ok(fresh(900))).await.is_ok());
    }
}
