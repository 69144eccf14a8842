//! Bytes with a store that speaks S3, and addresses at which clients send and fetch them there themselves.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use http::{HeaderName, HeaderValue, Method};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as ObjectPath;
use object_store::signer::{SignedUrlOptions, Signer as _};
use object_store::{BackoffConfig, Certificate, ClientOptions, RetryConfig};
use tozstore_crypto::FileChecksum;
use zeroize::Zeroizing;

use super::{BlobKey, Blobs};
use crate::config::FilesConfig;

const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
/// The least that S3 takes for a part that is not the last. 10,000 of them would be 50 GB.
const PART_BYTES: usize = 5 * 1024 * 1024;
/// The longest that a signed address holds (Signature Version 4).
const MAX_SIGNED_S: u32 = 7 * 86_400;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// What fails for no lasting reason is tried so often again, within the time that the place has to answer.
const RETRIES: usize = 3;
/// Variables that say who we are, where no access key is set: a key, or the role of the machine or the container.
const CREDENTIAL_KEYS: [AmazonS3ConfigKey; 9] = [
    AmazonS3ConfigKey::AccessKeyId,
    AmazonS3ConfigKey::SecretAccessKey,
    AmazonS3ConfigKey::Token,
    AmazonS3ConfigKey::WebIdentityTokenFile,
    AmazonS3ConfigKey::RoleArn,
    AmazonS3ConfigKey::RoleSessionName,
    AmazonS3ConfigKey::ContainerCredentialsRelativeUri,
    AmazonS3ConfigKey::ContainerCredentialsFullUri,
    AmazonS3ConfigKey::ContainerAuthorizationTokenFile,
];

/// Why bytes cannot be kept with an S3 store as it is set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum S3Error {
    /// A file that the set-up names cannot be used.
    #[error("{name}: the file {path} cannot be used: {source}")]
    File {
        /// The setting.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// A setting does not fit.
    #[error("{0}")]
    Setting(&'static str),
    /// The rest of it does not fit.
    #[error("the S3 store cannot be used as it is set up: {0}")]
    Store(#[from] object_store::Error),
}

impl Blobs {
    /// In a bucket, which must be there. Whether it can be reached is not asked here.
    ///
    /// # Errors
    /// The set-up does not fit.
    pub fn in_s3(files: &FilesConfig) -> Result<Self, S3Error> {
        let address = files.url.strip_prefix("s3://").ok_or(S3Error::Setting(NO_S3_ADDRESS))?;
        let (bucket, prefix) = address.split_once('/').unwrap_or((address, ""));
        if bucket.is_empty() {
            return Err(S3Error::Setting(NO_S3_ADDRESS));
        }
        let prefix = ObjectPath::parse(prefix.trim_matches('/')).map_err(object_store::Error::from)?;
        let store = connect(files, bucket, &files.endpoint)?;
        // The host is part of what is signed: clients may know the store by another name than this server.
        let signer = match files.public_endpoint.as_str() {
            _ if !files.presign => None,
            "" => Some(store.clone()),
            endpoint => Some(connect(files, bucket, endpoint)?),
        };
        let patience = Some(Duration::from_secs(files.timeout_s));
        Ok(Self { store: Arc::new(store), prefix, part_bytes: PART_BYTES, patience, signer, metrics: None })
    }

    /// Whether clients can reach the place themselves.
    pub const fn can_sign(&self) -> bool {
        self.signer.is_some()
    }

    /// An address at which whoever has it may put these bytes under a key, however often, for so long; none if there can
    /// be none, or not now.
    ///
    /// What is signed is that the checksum comes with them, as it does from all official clients. Not every store looks
    /// whether it is right, so what was sent is looked at in any case before it is used. The length cannot be signed.
    pub async fn upload_url(&self, key: BlobKey, checksum: &FileChecksum, lifetime_s: u32) -> Option<String> {
        let checksum = HeaderValue::try_from(checksum.to_string()).ok()?;
        let options = SignedUrlOptions::new().with_signed_header(CONTENT_MD5, checksum);
        self.signed(Method::PUT, key, lifetime_s, options).await
    }

    /// An address at which whoever has it may fetch the bytes under a key for so long; none if there can be none, or
    /// not now.
    pub async fn download_url(&self, key: BlobKey, lifetime_s: u32) -> Option<String> {
        self.signed(Method::GET, key, lifetime_s, SignedUrlOptions::new()).await
    }

    async fn signed(
        &self,
        method: Method,
        key: BlobKey,
        lifetime_s: u32,
        options: SignedUrlOptions,
    ) -> Option<String> {
        let (signer, path) = (self.signer.as_ref()?, key.path(&self.prefix));
        let lifetime = Duration::from_secs(lifetime_s.min(MAX_SIGNED_S).into());
        // No word goes to the store for it, but one may go to whoever gives out credentials.
        match self.timed("sign", 0, signer.signed_url_opts(method, &path, lifetime, &options)).await {
            Ok(url) => url.map(String::from),
            Err(error) => {
                tracing::warn!(%error, "an address could not be signed; the bytes go through this server");
                None
            }
        }
    }
}

const NO_S3_ADDRESS: &str = "files.url must be s3://BUCKET or s3://BUCKET/PREFIX";

fn connect(files: &FilesConfig, bucket: &str, endpoint: &str) -> Result<AmazonS3, S3Error> {
    let mut options = ClientOptions::new()
        // Each operation has a time of its own instead, which does not end the transfer of a large file.
        .with_timeout_disabled()
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_allow_http(endpoint.starts_with("http://"));
    if !files.ca_file.as_os_str().is_empty() {
        let pem = read("files.ca_file", &files.ca_file)?;
        let certificates = Certificate::from_pem_bundle(&pem)?;
        if certificates.is_empty() {
            return Err(S3Error::Setting("files.ca_file has no certificates in it"));
        }
        options = options.with_no_system_certificates(true);
        for certificate in certificates {
            options = options.with_root_certificate(certificate);
        }
    }
    let retry = RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: RETRIES,
        retry_timeout: Duration::from_secs(files.timeout_s),
    };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(&files.region)
        .with_client_options(options)
        .with_retry(retry)
        // One request for each key: what every store knows.
        .with_disable_bulk_delete(true)
        .with_virtual_hosted_style_request(!files.path_style);
    if !endpoint.is_empty() {
        builder = builder.with_endpoint(with_bucket(endpoint, bucket, files.path_style)?);
    }
    builder = if files.access_key.is_empty() {
        CREDENTIAL_KEYS.into_iter().fold(builder, |builder, key| {
            match env::var(key.as_ref().to_uppercase()) {
                Ok(value) if !value.is_empty() => builder.with_config(key, value),
                _ => builder,
            }
        })
    } else {
        let secret = Zeroizing::new(read("files.secret_key_file", &files.secret_key_file)?);
        let secret = std::str::from_utf8(&secret)
            .map_err(|_| S3Error::Setting("files.secret_key_file must be text"))?;
        builder.with_access_key_id(&files.access_key).with_secret_access_key(secret.trim())
    };
    Ok(builder.build()?)
}

/// The address of a bucket, where its name is part of the host.
fn with_bucket(endpoint: &str, bucket: &str, path_style: bool) -> Result<String, S3Error> {
    let (scheme, rest) = endpoint
        .split_once("://")
        .filter(|(scheme, rest)| matches!(*scheme, "http" | "https") && !rest.is_empty())
        .ok_or(S3Error::Setting("files.endpoint must begin with https:// or http://"))?;
    let rest = rest.trim_end_matches('/');
    Ok(if path_style { format!("{scheme}://{rest}") } else { format!("{scheme}://{bucket}.{rest}") })
}

fn read(name: &'static str, path: &Path) -> Result<Vec<u8>, S3Error> {
    fs::read(path).map_err(|source| S3Error::File { name, path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(dir: &Path) -> FilesConfig {
        let secret_key_file = dir.join("secret");
        fs::write(&secret_key_file, "hunter2\n").unwrap();
        FilesConfig {
            url: "s3://bucket/a/b/".into(),
            endpoint: "https://s3.example:9000/".into(),
            region: "here".into(),
            access_key: "id".into(),
            secret_key_file,
            ..FilesConfig::default()
        }
    }

    #[tokio::test]
    async fn addresses_hold_for_one_key_and_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let key = BlobKey::from_bytes([0xab; 16]);
        let blobs = Blobs::in_s3(&files(dir.path())).unwrap();
        let url = blobs.upload_url(key, &FileChecksum::from_bytes([1; 16]), 60).await.unwrap();
        let path = format!("/a/b/ab/{key}?X-Amz-Algorithm=AWS4-HMAC-SHA256&");
        assert!(url.starts_with(&format!("https://s3.example:9000/bucket{path}")), "{url}");
        assert!(url.contains("&X-Amz-Expires=60&X-Amz-SignedHeaders=content-md5%3Bhost&"), "{url}");
        assert!(url.contains("%2Fhere%2Fs3%2F") && !url.contains("hunter2"), "{url}");
        let url = blobs.download_url(key, u32::MAX).await.unwrap();
        assert!(url.contains("&X-Amz-Expires=604800&X-Amz-SignedHeaders=host&"), "{url}");

        let public_endpoint = "https://files.example".to_owned();
        let other = FilesConfig { public_endpoint, path_style: false, ..files(dir.path()) };
        let url = Blobs::in_s3(&other).unwrap().download_url(key, 60).await.unwrap();
        assert!(url.starts_with(&format!("https://bucket.files.example{path}")), "{url}");
        let unsigned = Blobs::in_s3(&FilesConfig { presign: false, ..files(dir.path()) }).unwrap();
        assert!(!unsigned.can_sign() && unsigned.download_url(key, 60).await.is_none());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let refused = |change: fn(&mut FilesConfig)| {
            let mut files = files(dir.path());
            change(&mut files);
            Blobs::in_s3(&files).err().unwrap().to_string()
        };
        assert!(refused(|files| files.url = "https://bucket".into()).contains("s3://BUCKET"));
        assert!(refused(|files| files.url = "s3:///prefix".into()).contains("s3://BUCKET"));
        assert!(refused(|files| files.endpoint = "s3.example".into()).contains("files.endpoint"));
        assert!(refused(|files| files.secret_key_file = "/none".into()).contains("files.secret_key_file"));
        assert!(refused(|files| files.ca_file = files.secret_key_file.clone()).contains("files.ca_file"));
    }
}
