//! Whose keys: the client's own bundle, the chains of others, and how well they are known.

use std::str::FromStr;

use http::Method;
use tozstore_api::paths;
use tozstore_api::sealed::{BundlePage, SealedErrorCode};
use tozstore_crypto::sealed::{BundleChain, BundleLink, ContactCard, Digest, Known, Writer};
use tozstore_crypto::{ClientId, SigningKeyPair, StoreId};

use super::wire::{Call, Refusal, Signer, Wire, answer};
use super::{SealedClient, backwards};
use crate::{Error, UntrustedData};

/// A reader to share with: its id, and what its keys are compared with.
///
/// As text it is `ID`, `ID#FINGERPRINT`, or a contact card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The client.
    pub client: ClientId,
    /// The fingerprint, if it came by another way than the server.
    pub fingerprint: Option<Digest>,
}

impl From<ClientId> for Contact {
    fn from(client: ClientId) -> Self {
        Self { client, fingerprint: None }
    }
}

impl FromStr for Contact {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Ok(card) = text.parse::<ContactCard>() {
            return Ok(Self { client: card.card().client, fingerprint: Some(card.card().bundle) });
        }
        let (client, fingerprint) = match text.split_once('#') {
            Some((client, fingerprint)) => (client, Some(fingerprint.parse::<Digest>())),
            None => (text, None),
        };
        match (client.parse(), fingerprint.transpose()) {
            (Ok(client), Ok(fingerprint)) => Ok(Self { client, fingerprint }),
            _ => Err(Error::Caller(format!("{text:?} is not ID, ID#FINGERPRINT or a contact card"))),
        }
    }
}

/// The client's own chain. Its first bundle is put there if there is none.
pub(super) async fn own_chain(
    wire: &dyn Wire,
    registered: &SigningKeyPair,
    store: StoreId,
    client: ClientId,
) -> Result<BundleChain, Error> {
    let own = BundleLink::first(registered, store, client)
        .map_err(|_| Error::Credentials("the keys of these credentials make no bundle".to_owned()))?;
    let broken = || UntrustedData::SealedChainBroken { client };
    let chain = BundleChain::begin(store, client, &own).map_err(|_| broken())?;
    let signer = Signer::Bundle(store, chain.fingerprint());
    let target = paths::sealed_bundles(client, None);
    let asked = wire.send(Call { method: Method::GET, target, body: Vec::new(), signer }).await;
    let is_new = |refusal: &Refusal| {
        // A client without a bundle signs with none that the server knows.
        matches!(
            refusal.code(),
            Some(SealedErrorCode::NoBundle | SealedErrorCode::Unsigned | SealedErrorCode::BundleOld)
        ) || matches!(refusal.status, Some(401 | 404))
    };
    let page: BundlePage = match asked {
        Ok((_, body)) => answer(&body)?,
        Err(refusal) if is_new(&refusal) => {
            let mut writer = Writer::new();
            own.write(&mut writer);
            let body = writer.finish().map_err(|_| broken())?;
            let target = paths::sealed_bundle(client, 0);
            let put = Call { method: Method::PUT, target, body, signer: Signer::Registered };
            wire.send(put).await?;
            return Ok(chain);
        }
        Err(refusal) => return Err(refusal.into()),
    };
    let first = page.links.first().ok_or_else(broken)?.bundle().digest();
    if first != chain.fingerprint() {
        return Err(UntrustedData::NotMyBundle { own: chain.fingerprint(), shown: first }.into());
    }
    if page.links.len() > 1 {
        let message =
            "the keys for sealed types were replaced, and these credentials have the old ones alone";
        return Err(Error::Credentials(message.to_owned()));
    }
    Ok(chain)
}

impl SealedClient {
    /// The chain of a client, verified from its first bundle, and not behind what was seen. With `wanted`, a chain that
    /// was read before is enough if it has that bundle.
    pub(super) async fn chain(
        &self,
        client: ClientId,
        wanted: Option<&Digest>,
    ) -> Result<BundleChain, Error> {
        let cached = {
            let chains = self.0.chains.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            chains
                .get(&client)
                .filter(|chain| wanted.is_some_and(|wanted| chain.find(wanted).is_some()))
                .cloned()
        };
        if let Some(chain) = cached {
            return Ok(chain);
        }
        let chain = self.read_chain(client).await?;
        let digest_at = |sequence| chain.digest_at(sequence);
        let sequence = chain.head().object().sequence;
        self.state().check_bundles(client, sequence, digest_at).map_err(|source| match source {
            tozstore_crypto::sealed::Backwards::Forked { seen, shown, .. } => {
                UntrustedData::SealedKeysChanged { client, expected: seen, shown: Box::new(shown) }.into()
            }
            source @ tozstore_crypto::sealed::Backwards::RolledBack { .. } => {
                backwards(format!("the keys of client {client}"), source)
            }
        })?;
        let mut chains = self.0.chains.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        chains.insert(client, chain.clone());
        Ok(chain)
    }

    /// The chain of somebody who signed a record or an entry of a log. What was seen of it is remembered from then on.
    pub(super) async fn author_chain(&self, author: ClientId, bundle: &Digest) -> Result<BundleChain, Error> {
        let chain = self.chain(author, Some(bundle)).await?;
        let head = chain.head();
        let mut state = self.state();
        let seen = state.bundle(author);
        if seen.is_none_or(|seen| seen.sequence < head.object().sequence) {
            let known = seen.and_then(|seen| chain.known_at_head(&seen.digest, seen.known));
            let known = known.unwrap_or(Known::FirstContact);
            state.remember_bundle(author, head.object().sequence, head.digest(), known);
        }
        drop(state);
        Ok(chain)
    }

    async fn read_chain(&self, client: ClientId) -> Result<BundleChain, Error> {
        let broken = || Error::from(UntrustedData::SealedChainBroken { client });
        let mut chain: Option<BundleChain> = None;
        loop {
            let after = chain.as_ref().map(|chain| chain.head().object().sequence);
            let page: BundlePage = self
                .get(paths::sealed_bundles(client, after))
                .await
                .map_err(|refusal| refusal.naming("a client with keys for sealed types"))?;
            if page.links.is_empty() {
                return chain.ok_or_else(broken);
            }
            for link in &page.links {
                match &mut chain {
                    None => {
                        chain = Some(BundleChain::begin(self.0.store, client, link).map_err(|_| broken())?);
                    }
                    Some(chain) => chain.push(link).map_err(|_| broken())?,
                }
            }
            if page.links.len() < tozstore_api::sealed::MAX_BUNDLES_PER_PAGE {
                return chain.ok_or_else(broken);
            }
        }
    }

    /// A reader's chain, and how well it is known that it is the reader's. What was compared or seen is remembered.
    pub(super) async fn know(&self, reader: &Contact) -> Result<(BundleChain, Known), Error> {
        let chain = self.chain(reader.client, None).await?;
        let changed = |expected| UntrustedData::SealedKeysChanged {
            client: reader.client,
            expected,
            shown: Box::new(chain.fingerprint()),
        };
        let seen = self.state().bundle(reader.client).map(|seen| (seen.digest, seen.known));
        let continued = match seen {
            None => Known::FirstContact,
            Some((digest, known)) => chain.known_at_head(&digest, known).ok_or_else(|| changed(digest))?,
        };
        let known = match &reader.fingerprint {
            None => continued,
            Some(named) => {
                chain.known_at_head(named, Known::Compared).ok_or_else(|| changed(*named))?.max(continued)
            }
        };
        let head = chain.head();
        self.state().remember_bundle(reader.client, head.object().sequence, head.digest(), known);
        Ok((chain, known))
    }

    /// Compares a client's keys with a fingerprint or card that came by another way: from here on they are verified.
    ///
    /// # Errors
    /// [`UntrustedData::SealedKeysChanged`] if they are others.
    pub async fn verify_client(&self, reader: &Contact) -> Result<Digest, Error> {
        if reader.fingerprint.is_none() {
            return Err(Error::Caller("give a fingerprint or a contact card to compare with".to_owned()));
        }
        let (chain, _) = self.know(reader).await?;
        self.save_state()?;
        Ok(chain.fingerprint())
    }

    /// Takes the keys that a client is shown with now, in the place of those that were seen before. Compare the
    /// fingerprint by another way first: this is how a server's own keys would be let in.
    ///
    /// # Errors
    /// [`UntrustedData::SealedKeysChanged`] if they are others than the fingerprint names.
    pub async fn accept_client(&self, reader: &Contact) -> Result<Digest, Error> {
        if reader.fingerprint.is_none() {
            return Err(Error::Caller("give the fingerprint that is accepted".to_owned()));
        }
        let seen = self.state().bundle(reader.client).cloned();
        self.state().forget_bundles(reader.client);
        let known = self.know(reader).await;
        if let (Err(_), Some(seen)) = (&known, seen) {
            self.state().remember_bundle(reader.client, seen.sequence, seen.digest, seen.known);
        }
        let (chain, _) = known?;
        self.save_state_without(|kept| kept.forget_bundles(reader.client))?;
        Ok(chain.fingerprint())
    }
}
