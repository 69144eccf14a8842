//! Changes of an account's profile: name, address, password, paper key; and the way back in by the paper key.
//!
//! A change of the password is three requests, and can break off between any two: the credentials are first sealed under
//! the new password beside those under the old one, then the server is told the new one, then the old copy goes.
//! Whichever password holds at the end opens one of the copies.

use http::Method;
use tozstore_api::{
    ChangeProfile, ChangedProfile, KeySet, NewClient, Profile, ProfileChange, RegisteredClient, ReplaceQueen,
    paths,
};
use tozstore_crypto::{EncryptionPrivateKey, SigningKeyPair, generate_paper_key};

use crate::accounts::email_taken;
use crate::logins::{NewWay, Session, Way, password_advice};
use crate::transport::Request;
use crate::{Account, Client, Credentials, Error, Secret, UntrustedData};

impl Account {
    /// Changes the name of its owner.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn change_name(&mut self, name: &str) -> Result<(), Error> {
        self.change(ProfileChange { name: Some(name.to_owned()), ..ProfileChange::default() }).await
    }

    /// Changes the e-mail address, the name to log in by. Nothing is sent there.
    ///
    /// # Errors
    /// [`Error::Refused`] (409) if another account has the address.
    pub async fn change_email(&mut self, email: &str) -> Result<(), Error> {
        self.change(ProfileChange { email: Some(email.to_owned()), ..ProfileChange::default() }).await?;
        self.login.email = self.profile.email.clone();
        Ok(())
    }

    /// Changes the password. The server ends all other sessions of the account, and takes the old password no more.
    ///
    /// Who knew the old password may have opened the credentials of the account's client with it, which stay as they
    /// are: see [`recover_with_new_queen`](Self::recover_with_new_queen) for that case.
    ///
    /// # Errors
    /// Those of any request. After [`Error::Unanswered`] either password may hold: log in to see which.
    pub async fn change_password(&mut self, password: &Secret) -> Result<(), Error> {
        advise(password);
        self.change_secret(Way::Password, password).await
    }

    /// Makes a new paper key, and returns it: write it down. The old one is taken no more.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn change_paper_key(&mut self) -> Result<Secret, Error> {
        let paper_key = Secret::new(std::mem::take(&mut *generate_paper_key()));
        self.change_secret(Way::Paper, &paper_key).await?;
        Ok(paper_key)
    }

    /// Logs in with the paper key and sets a new password: the way back in when the password is lost.
    ///
    /// # Errors
    /// [`Error::Credentials`] if address or paper key are wrong.
    pub async fn recover(
        api_url: &str,
        email: &str,
        paper_key: &Secret,
        password: &Secret,
    ) -> Result<Self, Error> {
        let mut account = Self::login_with_paper_key(api_url, email, paper_key).await?;
        account.change_password(password).await?;
        Ok(account)
    }

    /// The same, and a new client takes over the account's administration: for when somebody else knew the password,
    /// or the credentials in the profile do not open. Returns the client that administered until now, if its
    /// credentials opened: it stays a client of the account, with what it wrote and the backups that it can read, until
    /// it is disabled or deleted.
    ///
    /// If it fails half way, do it again, with the same paper key.
    ///
    /// # Errors
    /// [`Error::Credentials`] if address or paper key are wrong.
    pub async fn recover_with_new_queen(
        api_url: &str,
        email: &str,
        paper_key: &Secret,
        password: &Secret,
    ) -> Result<(Self, Option<Client>), Error> {
        advise(password);
        let mut session = Session::open(api_url, email, paper_key, Way::Paper).await?;
        let previous = match session.credentials(paper_key) {
            Ok((credentials, _)) => Some(Client::new(credentials)?),
            Err(_) => None,
        };
        let by_password = NewWay::new(password);
        let request = patch(by_password.change(Way::Password))?;
        session.session.profile =
            same_profile(&session.session.profile, session.send(request).await?.json()?)?;

        let credentials = session.new_queen().await?;
        let config = credentials.to_json();
        let by_paper = Way::Paper.config_key(paper_key, &session.session.profile)?;
        let mut meta = std::mem::take(&mut session.meta);
        meta.insert("backupEnabled".to_owned(), "enabled".into());
        for (way, key) in [(Way::Password, &by_password.config_key), (Way::Paper, &by_paper)] {
            meta.insert(way.sealed_name().to_owned(), key.seal_config(&config).into());
            meta.remove(way.next_name());
        }
        session.send(Request::put(paths::ACCOUNT_PROFILE_META.to_owned()).json(&meta)?).await?;
        Ok((session.with_client(credentials)?, previous))
    }

    async fn change_secret(&mut self, way: Way, secret: &Secret) -> Result<(), Error> {
        let new = NewWay::new(secret);
        let sealed = new.config_key.seal_config(&self.queen.credentials().to_json());
        let mut meta = self.meta().await?;
        meta.insert(way.next_name().to_owned(), sealed.into());
        self.put_meta(&meta).await?;
        self.change(new.change(way)).await?;
        if self.login.way == way {
            self.login.key = new.login_key;
        }
        if let Some(sealed) = meta.remove(way.next_name()) {
            meta.insert(way.sealed_name().to_owned(), sealed);
        }
        if let Err(error) = self.put_meta(&meta).await {
            // The change is made; the next login with the new secret finds the copy beside, and moves it.
            tracing::warn!(%error, "the credentials that are sealed under the old secret are there still");
        }
        Ok(())
    }

    async fn change(&mut self, change: ProfileChange) -> Result<(), Error> {
        let answer = self.send(patch(change)?).await.map_err(email_taken)?;
        self.profile = same_profile(&self.profile, answer.json()?)?;
        Ok(())
    }
}

impl NewWay {
    fn change(&self, way: Way) -> ProfileChange {
        let (auth_salt, enc_salt) = (Some(self.auth_salt.to_string()), Some(self.enc_salt.to_string()));
        let key = Some(KeySet::signing(self.login_key.public_key()));
        match way {
            Way::Paper => ProfileChange {
                paper_auth_salt: auth_salt,
                paper_enc_salt: enc_salt,
                paper_signing_key: key,
                ..ProfileChange::default()
            },
            Way::Password => {
                ProfileChange { auth_salt, enc_salt, signing_key: key, ..ProfileChange::default() }
            }
        }
    }
}

impl Session {
    /// Registers a new client to administer the account.
    async fn new_queen(&self) -> Result<Credentials, Error> {
        let (encryption_key, signing_key) = (EncryptionPrivateKey::generate(), SigningKeyPair::generate());
        let client = NewClient {
            name: self.session.profile.name.clone(),
            public_key: KeySet::encryption(encryption_key.public_key()),
            signing_key: KeySet::signing(signing_key.public_key()),
            kind: None,
        };
        let request = Request::post(paths::ACCOUNT_QUEEN.to_owned()).json(&ReplaceQueen { client })?;
        let registered: RegisteredClient = self.send(request).await?.json()?;
        if registered.public_key.encryption_key() != Some(encryption_key.public_key()) {
            return Err(UntrustedData::WrongAnswer("public key").into());
        }
        let RegisteredClient { client_id, api_key_id, api_secret, .. } = registered;
        Ok(Credentials::new(&self.api_url, client_id, api_key_id, api_secret, encryption_key, signing_key))
    }
}

fn advise(password: &Secret) {
    if let Some(advice) = password_advice(password.expose()) {
        tracing::warn!("{advice}");
    }
}

fn patch(change: ProfileChange) -> Result<Request, Error> {
    let body = ChangeProfile { profile: Some(change), account: None };
    Request::new(Method::PATCH, paths::ACCOUNT_PROFILE.to_owned()).json(&body)
}

fn same_profile(before: &Profile, answer: ChangedProfile) -> Result<Profile, Error> {
    if answer.profile.id == before.id {
        Ok(answer.profile)
    } else {
        Err(UntrustedData::WrongAnswer("account").into())
    }
}
