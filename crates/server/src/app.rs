//! What every handler works on.

use std::sync::Arc;

use tozstore_api::Timestamp;
use tozstore_crypto::{SigningKeyPair, SigningPublicKey};

use crate::admission::Admission;
use crate::blobs::Blobs;
use crate::clock::Clock;
use crate::config::Config;
use crate::http::Budget;
use crate::keys::ServerKeys;
use crate::login_failures::{LoginFailures, Purpose};
use crate::mail::MailQueue;
use crate::metrics::Metrics;
use crate::rates::Rates;
use crate::readiness::Readiness;
use crate::replays::{ReplayCache, Signers};
use crate::store::{MeteredStore, Store};
use crate::telemetry::Telemetry;

/// The server without its sockets.
pub struct App {
    /// The rows.
    pub store: Arc<dyn Store>,
    /// The bytes of files.
    pub blobs: Blobs,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The server's own keys.
    pub keys: ServerKeys,
    /// How it is set up.
    pub config: Config,
    /// What it counts.
    pub metrics: Arc<Metrics>,
    /// Spans of requests.
    pub telemetry: Telemetry,
    /// How much is begun at a time.
    pub admission: Arc<Admission>,
    /// Whether requests should be sent here.
    pub readiness: Readiness,
    /// How often somebody may ask.
    pub rates: Rates,
    /// Signed requests that came in already.
    pub replays: ReplayCache,
    /// The same of those who are no clients. Apart, since anybody can make keys: whoever fills it shuts out others who
    /// are no clients, for some minutes, and no client.
    pub strangers_replays: ReplayCache,
    /// Mails that wait to be sent.
    pub mails: MailQueue,
    /// Logins that failed lately.
    pub login_failures: LoginFailures,
    /// Memory for bodies.
    pub body_memory: Budget,
    /// Memory for large answers.
    pub answer_memory: Budget,
    /// A key that nobody holds: answers for accounts that do not exist are checked against it.
    pub nobodys_key: SigningPublicKey,
}

impl App {
    /// Puts the parts together.
    pub fn new(
        config: Config,
        store: Arc<dyn Store>,
        blobs: Blobs,
        clock: Arc<dyn Clock>,
        keys: ServerKeys,
    ) -> Arc<Self> {
        let metrics = Arc::new(Metrics::new());
        let admission = Arc::new(Admission::new(&config.limits, &metrics));
        let store = Arc::new(MeteredStore::new(store, Arc::clone(&metrics), Arc::clone(&admission)));
        let rates = Rates::new(&config.rates);
        let telemetry = Telemetry::new(&config.telemetry);
        let blobs = blobs.metered(Arc::clone(&metrics));
        let (window_s, limits) = (config.tokens.clock_window_s, &config.limits);
        let (most, of_one) = (limits.replay_cache_requests, limits.replay_cache_requests_per_client);
        let replays = ReplayCache::new(window_s, most, of_one, Signers::Apart);
        let most = limits.strangers_replay_cache_requests;
        let strangers_replays = ReplayCache::new(window_s, most, most, Signers::Together);
        let nobodys_key = SigningKeyPair::generate().public_key();
        let body_memory = Budget::new(config.limits.bodies_bytes);
        let answer_memory = Budget::new(config.limits.answers_bytes);
        let mails = MailQueue::new(&config.mail);
        Arc::new(Self {
            store,
            blobs,
            clock,
            keys,
            config,
            metrics,
            telemetry,
            admission,
            readiness: Readiness::default(),
            rates,
            replays,
            strangers_replays,
            mails,
            login_failures: LoginFailures::new(Purpose::Logins),
            body_memory,
            answer_memory,
            nobodys_key,
        })
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
