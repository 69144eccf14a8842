//! TLS: certificates from files, read again when they change. Connections that stand keep the certificate that they began
//! with.

use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

use crate::config::TlsConfig;

/// Bytes that each of the files may have.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file is set without the other.
    #[error("tls.certificate_file and tls.key_file belong together: set both, or neither")]
    Incomplete,
    /// The file for the certificate has none.
    #[error(
        "{0} holds no certificate: it must be PEM, the server's own certificate first, then those that vouch for it"
    )]
    NoCertificate(PathBuf),
    /// The file for the key has none.
    #[error("{0} holds no private key: it must be PEM, and the key must not be encrypted")]
    NoKey(PathBuf),
    /// A file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// TLS cannot use them.
    #[error("{certificate_file} and {key_file} cannot be used together: {source}")]
    Unfit {
        /// The file of the certificate.
        certificate_file: PathBuf,
        /// The file of the key.
        key_file: PathBuf,
        /// What is wrong with them.
        source: rustls::Error,
    },
}

/// A certificate with its key, the ones that their files held when last looked at.
pub struct Certificates {
    files: TlsConfig,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
    loaded: Mutex<[FileState; 2]>,
}

/// What tells whether a file was changed.
type FileState = (u64, Option<SystemTime>);

impl Certificates {
    /// Reads the files that the set-up names, if it names any.
    ///
    /// # Errors
    /// They do not hold a certificate and its key.
    pub fn open(files: &TlsConfig) -> Result<Option<Arc<Self>>, TlsError> {
        match [&files.certificate_file, &files.key_file].map(|path| path.as_os_str().is_empty()) {
            [true, true] => return Ok(None),
            [false, false] => {}
            _ => return Err(TlsError::Incomplete),
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let states = states(files)?;
        let current = RwLock::new(Arc::new(load(files, &provider)?));
        Ok(Some(Arc::new(Self { files: files.clone(), provider, current, loaded: Mutex::new(states) })))
    }

    /// Accepts connections with whatever certificate is the current one.
    ///
    /// # Errors
    /// The library offers no version of TLS.
    pub fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, TlsError> {
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider));
        let builder =
            builder.with_safe_default_protocol_versions().map_err(|error| unfit(&self.files, error))?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::clone(self) as _);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Reads the files again.
    ///
    /// # Errors
    /// They do not hold a certificate and its key; the ones from before stay.
    pub fn reload(&self) -> Result<(), TlsError> {
        // The states first: what changes while the files are read is read again.
        let states = states(&self.files)?;
        let loaded = Arc::new(load(&self.files, &self.provider)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = states;
        Ok(())
    }

    /// Reads the files again, and says in the log how it went.
    pub fn reload_and_tell(&self) {
        match self.reload() {
            Ok(()) => tracing::info!("the certificate was read again"),
            Err(error) => {
                tracing::error!(%error, "the certificate could not be read again; the one from before stays");
            }
        }
    }

    /// Looks at the files now and then, until `stop` changes or its sender is gone.
    pub async fn watch(self: Arc<Self>, mut stop: watch::Receiver<()>) {
        let interval = Duration::from_secs(self.files.check_interval_s);
        loop {
            tokio::select! {
                _ = stop.changed() => return,
                () = tokio::time::sleep(interval) => {}
            }
            let this = Arc::clone(&self);
            let looked = tokio::task::spawn_blocking(move || {
                let loaded = *this.loaded.lock().unwrap_or_else(PoisonError::into_inner);
                if states(&this.files).ok() != Some(loaded) {
                    this.reload_and_tell();
                }
            });
            if let Err(error) = looked.await {
                tracing::error!(%error, "the files of the certificate could not be looked at");
            }
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("files", &self.files).finish_non_exhaustive()
    }
}

fn load(files: &TlsConfig, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let TlsConfig { certificate_file, key_file, .. } = files;
    let text = read(certificate_file)?;
    let chain = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| TlsError::NoCertificate(certificate_file.clone()))?;
    let key = PrivateKeyDer::from_pem_slice(&read(key_file)?);
    let key = key.map_err(|_| TlsError::NoKey(key_file.clone()))?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| unfit(files, error))
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = std::fs::File::open(path).and_then(|file| file.take(MAX_FILE_BYTES).read_to_end(&mut bytes));
    read.map_err(|source| TlsError::Read { path: path.to_owned(), source })?;
    Ok(bytes)
}

fn states(files: &TlsConfig) -> Result<[FileState; 2], TlsError> {
    let state = |path: &Path| match std::fs::metadata(path) {
        Ok(found) => Ok((found.len(), found.modified().ok())),
        Err(source) => Err(TlsError::Read { path: path.to_owned(), source }),
    };
    Ok([state(&files.certificate_file)?, state(&files.key_file)?])
}

fn unfit(files: &TlsConfig, source: rustls::Error) -> TlsError {
    let TlsConfig { certificate_file, key_file, .. } = files.clone();
    TlsError::Unfit { certificate_file, key_file, source }
}
