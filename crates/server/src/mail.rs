//! Codes for notes, sent by e-mail: one text, one recipient, outside of any transaction.
//!
//! A mail takes its place in the queue before its code is stored, so that no code is stored whose mail could not be
//! queued. The queue is in memory: what waits there when the server ends is lost and said so in the log, and the reader
//! asks again.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fs, io};

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tozstore_api::{EmailPolicy, SecretText, Timestamp};
use tozstore_crypto::{NoteId, blake2b_256};
use zeroize::Zeroizing;

use crate::config::{MailConfig, MailTls};
use crate::http::Error;
use crate::login_failures::{LoginFailures, Purpose};
use crate::{App, ids};

/// Mails that wait at a time; more are refused for the moment.
const MAX_WAITING: usize = 256;
/// Mails that are on their way at a time: one that is slow holds up few others.
const MAX_SENDING: usize = 8;
/// Seconds before each try to send one mail.
const PAUSES_S: [u64; 5] = [0, 1, 10, 60, 300];
/// Time for one try.
const TRY_TIME: Duration = Duration::from_secs(30);
/// Longest address (RFC 5321, section 4.5.3.1.3, without the angle brackets).
const MAX_ADDRESS_BYTES: usize = 254;
const MAX_LINK_BYTES: usize = 2000;
/// Letters of codes: no two look alike. 32 of them, so that each stands for 5 bits.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const CODE_LETTERS: usize = 16;
const LETTERS_PER_PART: usize = 4;

/// Mails that wait to be sent.
pub struct MailQueue {
    sender: mpsc::Sender<Mail>,
    receiver: Mutex<Option<mpsc::Receiver<Mail>>>,
    is_on: bool,
    /// Mails of late by address, counted as failures are: some at once, then one a minute.
    by_address: LoginFailures,
}

/// A mail with a code.
pub struct Mail {
    to: Address,
    code: SecretText,
    link: Option<String>,
    expires: Timestamp,
    note: NoteId,
}

/// A place in the queue.
pub struct Place<'a>(mpsc::Permit<'a, Mail>);

impl MailQueue {
    /// An empty queue.
    pub fn new(config: &MailConfig) -> Self {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        Self {
            sender,
            receiver: Mutex::new(Some(receiver)),
            is_on: !config.host.is_empty(),
            by_address: LoginFailures::new(Purpose::Mails),
        }
    }

    /// Whether this server sends mails.
    pub const fn is_on(&self) -> bool {
        self.is_on
    }

    /// A place for one more mail to this address.
    ///
    /// # Errors
    /// Too many wait, or too many went there.
    pub async fn reserve(&self, app: &App, to: &Address, now: Timestamp) -> Result<Place<'_>, Error> {
        let place = self.sender.try_reserve().map_err(|_| Error::Busy)?;
        let now_s = now.seconds().max(0).unsigned_abs();
        let key = to.to_string().to_lowercase();
        let begun = self.by_address.begin(app.store.shared().as_deref(), &app.keys, &key, now_s).await?;
        begun.map_err(|wait_s| Error::TooManyAttempts { wait_s })?;
        Ok(Place(place))
    }
}

impl Place<'_> {
    /// Puts the mail into the queue.
    pub fn send(self, mail: Mail) {
        self.0.send(mail);
    }
}

impl Mail {
    /// A mail with this code for the reader of a note.
    pub fn new(
        to: Address,
        code: SecretText,
        policy: &EmailPolicy,
        config: &MailConfig,
        note: NoteId,
        expires: Timestamp,
    ) -> Self {
        let link = link(&policy.provider_link, &config.link_prefixes, note, code.expose());
        Self { to, code, link, expires, note }
    }

    fn text(&self) -> Zeroizing<String> {
        let link = self.link.as_ref().map(|link| format!("\nOr open this address:\n\n    {link}\n"));
        let minute = self.expires.to_string();
        let minute = minute.get(..16).unwrap_or_default().replace('T', " ");
        Zeroizing::new(format!(
            "Somebody, most likely you, wants to read a note that asks for this code:\n\n    {}\n{}\n\
             The code works once, until {minute} UTC. If it was not you, do nothing: without the key of the note the \
             code is worth nothing.\n",
            self.code.expose(),
            link.unwrap_or_default(),
        ))
    }
}

/// The address that a policy names.
///
/// # Errors
/// It is none.
pub fn address(policy: &EmailPolicy) -> Result<Address, Error> {
    let text = policy.email_address.trim();
    let is_plain = text.len() <= MAX_ADDRESS_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
    let address = if is_plain { text.parse().ok() } else { None };
    address.ok_or(Error::bad_request("the note does not name an e-mail address that mails can be sent to"))
}

/// A fresh code.
///
/// # Errors
/// The system gives no random bytes.
pub fn new_code() -> Result<SecretText, Error> {
    let bytes = Zeroizing::new(ids::random_bytes::<CODE_LETTERS>()?);
    let mut code = String::with_capacity(CODE_LETTERS + CODE_LETTERS / LETTERS_PER_PART);
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 && at % LETTERS_PER_PART == 0 {
            code.push('-');
        }
        code.push(char::from(LETTERS[usize::from(byte % 32)]));
    }
    Ok(SecretText::new(code))
}

/// What is stored of a code, however it was typed.
pub fn hash_of_code(code: &str) -> [u8; 32] {
    let letters = code.bytes().filter(u8::is_ascii_alphanumeric).take(2 * CODE_LETTERS);
    let letters = Zeroizing::new(letters.map(|letter| letter.to_ascii_uppercase()).collect::<Vec<_>>());
    blake2b_256(&letters)
}

/// The link of a note with the code, if it begins as links may.
fn link(link: &str, prefixes: &[String], note: NoteId, code: &str) -> Option<String> {
    let may_be_sent = prefixes.iter().any(|prefix| {
        let rest = if prefix.is_empty() { None } else { link.strip_prefix(prefix.as_str()) };
        rest.is_some_and(|rest| prefix.ends_with('/') || rest.is_empty() || rest.starts_with(['/', '?', '#']))
    });
    if !may_be_sent || link.len() > MAX_LINK_BYTES || !link.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let (page, fragment) = link.find('#').map_or((link, ""), |at| link.split_at(at));
    let mark = if page.contains('?') { '&' } else { '?' };
    Some(format!("{page}{mark}email_otp={code}&note_id={note}{fragment}"))
}

/// Hands mails to a mail server.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// Why mails cannot be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// `mail.from` is no address.
    #[error("mail.from is not an e-mail address, such as TozStore <notes@store.example>")]
    From,
    /// The password cannot be read.
    #[error("the password of the mail server cannot be read from {path}: {source}")]
    Password {
        /// Its file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// TLS cannot be set up.
    #[error("the connection to the mail server cannot be set up: {0}")]
    Tls(#[from] lettre::transport::smtp::Error),
}

impl Mailer {
    /// A mailer as it is set up; none if no mails are to be sent. Connects to nothing yet.
    ///
    /// # Errors
    /// The set-up does not fit.
    pub fn new(config: &MailConfig) -> Result<Option<Self>, MailError> {
        if config.host.is_empty() {
            return Ok(None);
        }
        let from = config.from.parse().map_err(|_| MailError::From)?;
        let mut builder = match config.tls {
            MailTls::None => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host),
            MailTls::Starttls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&config.host)?,
            MailTls::Tls => AsyncSmtpTransport::<Tokio1Executor>::relay(&config.host)?,
        };
        builder = builder.port(config.port).timeout(Some(TRY_TIME));
        if !config.user.is_empty() {
            let path = &config.password_file;
            let password = fs::read_to_string(path).map(Zeroizing::new);
            let password = password.map_err(|source| MailError::Password { path: path.clone(), source })?;
            let password = password.trim_end_matches(['\r', '\n']).to_owned();
            builder = builder.credentials(Credentials::new(config.user.clone(), password));
        }
        Ok(Some(Self { transport: builder.build(), from }))
    }

    async fn send(&self, mail: &Mail) -> Result<(), Failure> {
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, mail.to.clone()))
            .subject("Your code for a note")
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text().to_string())
            .map_err(|error| Failure { is_final: true, text: error.to_string() })?;
        let sent = self.transport.send(message).await;
        sent.map(drop).map_err(|error| Failure { is_final: error.is_permanent(), text: error.to_string() })
    }
}

struct Failure {
    is_final: bool,
    text: String,
}

/// Sends what is in the queue until `stop` changes or its sender is gone.
pub async fn run(app: Arc<App>, mailer: Mailer, mut stop: watch::Receiver<()>) {
    let receiver = app.mails.receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(mut receiver) = receiver else { return };
    let (mailer, places) = (Arc::new(mailer), Arc::new(Semaphore::new(MAX_SENDING)));
    let mut sending = JoinSet::new();
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await.ok()?;
            Some((place, receiver.recv().await?))
        };
        tokio::select! {
            _ = stop.changed() => break,
            Some(_) = sending.join_next() => {}
            next = next => {
                let Some((place, mail)) = next else { break };
                let (app, mailer) = (Arc::clone(&app), Arc::clone(&mailer));
                sending.spawn(async move {
                    deliver(&app, &mailer, &mail).await;
                    drop(place);
                });
            }
        }
    }
    while sending.try_join_next().is_some() {}
    let lost = sending.len() + receiver.len();
    sending.shutdown().await;
    if lost > 0 {
        tracing::warn!(
            lost,
            "codes were not sent by e-mail before the server stopped; their readers ask again"
        );
    }
}

/// Tries until the mail server takes the mail, refuses it for good, or the code lapses.
async fn deliver(app: &App, mailer: &Mailer, mail: &Mail) {
    for pause_s in PAUSES_S {
        tokio::time::sleep(Duration::from_secs(pause_s)).await;
        if app.now() >= mail.expires {
            break;
        }
        match mailer.send(mail).await {
            Ok(()) => return,
            Err(Failure { is_final: true, text }) => {
                tracing::error!(note = %mail.note, error = text, "the mail server refused a mail");
                return;
            }
            Err(Failure { text, .. }) => {
                tracing::warn!(note = %mail.note, error = text, "a mail could not be sent yet");
            }
        }
    }
    tracing::error!(note = %mail.note, "a mail was given up: its reader has to ask again");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(email_address: &str) -> EmailPolicy {
        EmailPolicy {
            email_address: email_address.into(),
            template: String::new(),
            provider_link: String::new(),
            default_expiration_minutes: 0,
        }
    }

    #[test]
    fn what_could_be_more_than_an_address_is_none() {
        assert!(address(&policy(" a.b+c@example.com ")).is_ok());
        for text in [
            "",
            "a",
            "@example.com",
            "a@example.com\r\nBcc: b@example.com",
            "a@example.com\nb",
            "a@example.com, b@example.com",
            "<a@example.com>",
            "A <a@example.com>",
            "a\u{0}@example.com",
            "a@exam ple.com",
            "é@example.com",
            &format!("{}@example.com", "a".repeat(300)),
        ] {
            assert!(address(&policy(text)).is_err(), "{text:?}");
        }
    }

    #[test]
    fn codes_are_read_however_they_are_typed() {
        let code = new_code().unwrap();
        let code = code.expose();
        assert_eq!(code.len(), 19);
        let hash = hash_of_code(code);
        for typed in [code.to_lowercase(), code.replace('-', ""), format!(" {} ", code.replace('-', " "))] {
            assert_eq!(hash_of_code(&typed), hash);
        }
        assert_ne!(hash_of_code(new_code().unwrap().expose()), hash);
        assert_ne!(hash_of_code(&format!("{code}A")), hash);
    }

    #[test]
    fn links_are_sent_only_where_they_may_lead() {
        let note = NoteId::from_bytes([1; 16]);
        let prefixes = ["https://app.example".to_owned(), "https://b.example/x/".to_owned(), String::new()];
        let link = |text: &str| link(text, &prefixes, note, "C");
        let query = format!("email_otp=C&note_id={note}");
        assert_eq!(link("https://app.example"), Some(format!("https://app.example?{query}")));
        assert_eq!(link("https://app.example/a?b=c#d"), Some(format!("https://app.example/a?b=c&{query}#d")));
        assert_eq!(link("https://b.example/x/y"), Some(format!("https://b.example/x/y?{query}")));
        for text in [
            "",
            "https://app.example.evil/",
            "https://app.example@evil/",
            "https://app.example:1/",
            "https://b.example/xy",
            "http://app.example/",
            "https://app.example/a b",
            "https://app.example/\r\nx",
        ] {
            assert_eq!(link(text), None, "{text:?}");
        }
    }
}
