//! Requests that are signed with their bodies (section 15 of the format), read and verified as a whole.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts as _, OriginalUri, RawPathParams, Request};
use http::header;
use http::request::Parts;
use http::uri::Authority;
use percent_encoding::percent_decode_str;
use tozstore_api::sealed::{MAX_SEALED_BODY_BYTES, SealedBody, SealedErrorCode};
use tozstore_crypto::sealed::{BundleLink, Digest, SealedRequest, SealedRequestHeader};
use tozstore_crypto::{ClientId, SigningPublicKey};

use super::Failure;
use crate::App;
use crate::http::auth::authorization;
use crate::http::body::read_whole;
use crate::http::memory::Counted;
use crate::http::rates::charge_client;
use crate::http::{Credential, FromSegments};
use crate::policy::living_client;
use crate::store::{ClientRow, ReadTx, newest_bundle};

/// A signed request, with all that its signature covers.
#[derive(Debug)]
pub struct Call {
    /// Who signed.
    pub caller: SealedCaller,
    segments: Vec<String>,
    query: String,
    body: Counted<Vec<u8>>,
}

/// A client that signed a request with the key of its newest bundle.
#[derive(Clone, Copy, Debug)]
pub struct SealedCaller {
    /// Which client it is. Not to be acted on before [`Self::client`].
    pub id: ClientId,
    /// The bundle whose key signed.
    pub bundle: Digest,
}

impl SealedCaller {
    /// The client's row, if it may act, and the bundle is its newest still.
    ///
    /// # Errors
    /// 401 otherwise.
    pub fn client(&self, tx: &dyn ReadTx) -> Result<ClientRow, Failure> {
        self.admitted(tx).map(|(row, _)| row)
    }

    fn admitted(&self, tx: &dyn ReadTx) -> Result<(ClientRow, SigningPublicKey), Failure> {
        let row = living_client(tx, self.id)?.filter(|row| row.enabled).ok_or_else(unsigned)?;
        let newest = newest_bundle(tx, self.id)?.ok_or_else(unsigned)?;
        if newest.bundle().digest() != self.bundle {
            return Err(Failure::unsigned(
                SealedErrorCode::BundleOld,
                "the request is signed with another bundle than the client's newest",
            ));
        }
        Ok((row, newest.bundle().object().signing_key))
    }
}

impl Call {
    /// The variable segments of the path.
    ///
    /// # Errors
    /// 404 if they can name nothing.
    pub fn path<T: FromSegments>(&self) -> Result<T, Failure> {
        Ok(T::from_segments(self.segments.iter().map(String::as_str))?)
    }

    /// The body.
    ///
    /// # Errors
    /// 400 if it is not one encoding of that kind.
    pub fn body<T: SealedBody>(&self) -> Result<T, Failure> {
        Ok(T::from_bytes(self.body.as_ref())?)
    }

    /// The parameters of the query.
    ///
    /// # Errors
    /// 400 if they are none.
    pub fn params(&self) -> Result<Params, Failure> {
        Params::parse(&self.query)
    }
}

impl FromRequest<Arc<App>> for Call {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let header = signed_header(&parts)?;
        ensure_timely(app, &header)?;
        let caller = SealedCaller { id: header.client, bundle: header.bundle };
        // Whose key it is comes first: a row costs less to read than a body and a signature that anyone can make up.
        let (_, key) = app.store.read("authenticate", move |tx| caller.admitted(tx)).await?;
        let segments = segments(&mut parts, app).await?;
        let body = read_whole(Request::from_parts(parts.clone(), body), app, MAX_SEALED_BODY_BYTES).await?;
        let query = verify(app, &parts, &header, body.as_ref(), &key).await?;
        charge_client(app, caller.id).await?;
        Ok(Self { caller, segments, query, body })
    }
}

/// A bundle that a client puts into its chain. The first comes with an interop credential, whose key endorses it; later
/// ones are signed with the key of the bundle itself, which the key before has signed for.
#[derive(Debug)]
pub struct BundlePut {
    /// Who puts it.
    pub putter: Putter,
    /// The client and sequence of the path.
    pub place: (ClientId, u32),
    /// The bundle.
    pub link: BundleLink,
}

/// Who puts a bundle.
#[derive(Clone, Copy, Debug)]
pub enum Putter {
    /// Whoever the interop credential is of.
    Registered(Credential),
    /// Who holds the key of the bundle.
    Holder(ClientId),
}

impl FromRequest<Arc<App>> for BundlePut {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let header = signed_header(&parts).ok();
        let registered = match &header {
            Some(header) => {
                ensure_timely(app, header)?;
                None
            }
            None => Some(Credential::from_request_parts(&mut parts, app).await?),
        };
        let segments = segments(&mut parts, app).await?;
        let place = FromSegments::from_segments(segments.iter().map(String::as_str))?;
        let body = read_whole(Request::from_parts(parts.clone(), body), app, MAX_LINK_BYTES).await?;
        let link = <BundleLink as SealedBody>::from_bytes(body.as_ref())?;
        let putter = match (registered, header) {
            (Some(credential), _) => Putter::Registered(credential),
            (None, Some(header)) if header.bundle == link.bundle().digest() => {
                verify(app, &parts, &header, body.as_ref(), &link.bundle().object().signing_key).await?;
                Putter::Holder(header.client)
            }
            (None, _) => return Err(unsigned()),
        };
        Ok(Self { putter, place, link })
    }
}

/// Bytes of a bundle with its signatures.
const MAX_LINK_BYTES: usize = 8 << 10;

/// Parameters of a query, taken one by one. What nobody asked for is refused: it would be passed over.
#[derive(Debug)]
pub struct Params(Vec<(String, String)>);

impl Params {
    fn parse(query: &str) -> Result<Self, Failure> {
        let decode = |text: &str| percent_decode_str(text).decode_utf8().ok().map(String::from);
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            decode(name).zip(decode(value)).ok_or_else(bad_query)
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    /// All values of that name.
    pub fn all(&mut self, name: &str) -> Vec<String> {
        let (taken, left) = std::mem::take(&mut self.0).into_iter().partition(|(known, _)| known == name);
        self.0 = left;
        let taken: Vec<(String, String)> = taken;
        taken.into_iter().map(|(_, value)| value).collect()
    }

    /// The one value of that name, if there is one.
    ///
    /// # Errors
    /// 400 if it has another form, or there are two.
    pub fn one<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, Failure> {
        let mut values = self.all(name).into_iter();
        let value = values.next().map(|text| text.parse().map_err(|_| bad_query())).transpose()?;
        if values.next().is_some() { Err(bad_query()) } else { Ok(value) }
    }

    /// At most so many of something, by `limit`.
    ///
    /// # Errors
    /// 400 if it is no number, or zero.
    pub fn limit(&mut self, most: usize) -> Result<usize, Failure> {
        match self.one::<usize>("limit")? {
            Some(0) => Err(bad_query()),
            limit => Ok(limit.map_or(most, |limit| limit.min(most))),
        }
    }

    /// That no other parameter was sent.
    ///
    /// # Errors
    /// 400 if there is one.
    pub fn finish(self) -> Result<(), Failure> {
        if self.0.is_empty() { Ok(()) } else { Err(bad_query()) }
    }
}

fn bad_query() -> Failure {
    Failure::bad(SealedErrorCode::Malformed, "the query is not as expected")
}

fn unsigned() -> Failure {
    Failure::unsigned(
        SealedErrorCode::Unsigned,
        "this needs a request that is signed with the client's newest bundle",
    )
}

fn signed_header(parts: &Parts) -> Result<SealedRequestHeader, Failure> {
    let value = authorization(parts).filter(|value| SealedRequestHeader::is_meant(value));
    value.and_then(|value| SealedRequestHeader::parse(value).ok()).ok_or_else(unsigned)
}

fn ensure_timely(app: &App, header: &SealedRequestHeader) -> Result<(), Failure> {
    let now_ms = now_ms(app);
    if app.replays.is_timely(header.unix_ms / 1000, now_ms / 1000) {
        return Ok(());
    }
    let text = "the request was signed too long ago, or by a clock that is wrong";
    Err(Failure::unsigned(SealedErrorCode::Clock, text).with(|body| body.time_ms = Some(now_ms)))
}

/// The server's clock, in milliseconds since 1970.
pub(super) fn now_ms(app: &App) -> u64 {
    app.now().micros().max(0).unsigned_abs() / 1000
}

/// Checks the signature, and that the request comes for the first time. Returns the query as it was signed.
async fn verify(
    app: &App,
    parts: &Parts,
    header: &SealedRequestHeader,
    body: &[u8],
    key: &SigningPublicKey,
) -> Result<String, Failure> {
    // The target as the client sent and signed it, before routing touched it.
    let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |OriginalUri(uri)| uri);
    let (authority, query) = (authority(app, parts), uri.query().unwrap_or_default());
    let request = SealedRequest {
        store: app.store.id(),
        method: parts.method.as_str(),
        authority: &authority,
        path: uri.path(),
        query,
        body,
    };
    header.verify(&request, key).map_err(|_| unsigned())?;
    let (shared, signed_s, now_s) = (app.store.shared(), header.unix_ms / 1000, now_ms(app) / 1000);
    if !app.replays.is_first(shared.as_deref(), key, header.nonce, signed_s, now_s).await? {
        return Err(Failure::unsigned(SealedErrorCode::Replayed, "this signed request came in before"));
    }
    Ok(query.to_owned())
}

/// The host that the client dials, in lower case, without a default port.
fn authority(app: &App, parts: &Parts) -> String {
    let set = app.config.listen.public_url.trim_end_matches('/');
    let (is_https, authority) = match set.split_once("://") {
        Some((scheme, rest)) => (scheme == "https", rest.split('/').next().unwrap_or_default().to_owned()),
        None => {
            let host = parts.headers.get(header::HOST).and_then(|value| value.to_str().ok());
            let host = host.or_else(|| parts.uri.authority().map(Authority::as_str)).unwrap_or_default();
            let is_forwarded = parts.headers.get("x-forwarded-proto").is_some_and(|value| value == "https");
            (app.config.tls.is_on() || is_forwarded, host.to_owned())
        }
    };
    let authority = authority.to_ascii_lowercase();
    let default_port = if is_https { ":443" } else { ":80" };
    authority.strip_suffix(default_port).unwrap_or(&authority).to_owned()
}

async fn segments(parts: &mut Parts, app: &Arc<App>) -> Result<Vec<String>, Failure> {
    // What is not UTF-8 once decoded names nothing.
    let segments = RawPathParams::from_request_parts(parts, app).await.map_err(|_| Failure::not_found())?;
    Ok(segments.iter().map(|(_, text)| text.to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_whole_or_refused() {
        let mut params = Params::parse("after=7&field=a%26b&field=c+d&limit=5000").unwrap();
        assert_eq!(params.one::<u64>("after").unwrap(), Some(7));
        assert_eq!(params.all("field"), ["a&b", "c+d"]);
        assert_eq!(params.limit(500).unwrap(), 500);
        params.finish().unwrap();
        assert!(Params::parse("x=1").unwrap().finish().is_err());
        assert!(Params::parse("after=1&after=2").unwrap().one::<u64>("after").is_err());
        assert!(Params::parse("after=-1").unwrap().one::<u64>("after").is_err());
        assert!(Params::parse("limit=0").unwrap().limit(5).is_err());
        assert!(Params::parse("a=%ff").is_err());
        assert_eq!(Params::parse("").unwrap().one::<u64>("after").unwrap(), None);
    }
}
