//! `account`: create it, log in, log out, change it, get back in, delete it.

use serde_json::json;
use tozstore::{Account, Error, NewAccount, Secret, password_advice};

use super::Context;
use crate::args::{
    AccountChangeArguments, AccountCommand, AccountCreateArguments, AccountDeleteArguments,
    AccountLoginArguments, AccountPasswordArguments, AccountRecoverArguments, PasswordArguments,
};
use crate::exit::{Code, Failure, Outcome};
use crate::password;
use crate::session::SessionFile;

/// Runs one of the commands.
pub async fn run(command: AccountCommand, context: &Context) -> Outcome {
    match command {
        AccountCommand::Create(arguments) => create(&arguments, context).await,
        AccountCommand::Login(arguments) => login(&arguments, context).await,
        AccountCommand::Logout => logout(context),
        AccountCommand::Change(arguments) => change(&arguments, context).await,
        AccountCommand::Password(arguments) => change_password(&arguments, context).await,
        AccountCommand::PaperKey(password) => change_paper_key(&password, context).await,
        AccountCommand::Recover(arguments) => recover(&arguments, context).await,
        AccountCommand::Delete(arguments) => delete(&arguments, context).await,
    }
}

async fn create(arguments: &AccountCreateArguments, context: &Context) -> Outcome {
    let AccountCreateArguments { email, name, password } = arguments;
    let api_url = context.server_of_account()?;
    let password = password::new(password, email)?;
    context.advise(&password);
    let new = NewAccount { name: name.as_deref().unwrap_or(email), email, password: &password };
    let (account, paper_key) = Account::create(&api_url, new).await.map_err(|error| taken(error, email))?;
    SessionFile::keep(&context.folder, &context.profile, &api_url, &account).await?;
    let document = json!({
        "account_id": account.id(),
        "email": account.email(),
        "api_url": api_url,
        "paper_key": paper_key.expose(),
    });
    let pairs = [
        ("account", account.id().to_string()),
        ("e-mail", account.email().to_owned()),
        ("paper key", paper_key.expose().to_owned()),
    ];
    context.output.pairs(&document, &pairs)?;
    context
        .output
        .remark("The paper key is the second way into the account. Write it down: it is shown this once.");
    Ok(())
}

async fn login(arguments: &AccountLoginArguments, context: &Context) -> Outcome {
    let AccountLoginArguments { email, password } = arguments;
    let api_url = context.server_of_account()?;
    let password = password::existing(password, email)?;
    let account = Account::login(&api_url, email, &password).await?;
    SessionFile::keep(&context.folder, &context.profile, &api_url, &account).await?;
    if context.output.is_json() {
        let document = json!({ "account_id": account.id(), "email": account.email(), "api_url": api_url });
        return context.output.document(&document);
    }
    context.output.remark(&format!("logged in to {} at {api_url}", account.email()));
    Ok(())
}

fn logout(context: &Context) -> Outcome {
    let was_in = SessionFile::forget(&context.folder, &context.profile)?;
    if context.output.is_json() {
        return context.output.document(&json!({ "was_logged_in": was_in }));
    }
    context.output.remark(if was_in { "logged out" } else { "was not logged in" });
    Ok(())
}

async fn change(arguments: &AccountChangeArguments, context: &Context) -> Outcome {
    let AccountChangeArguments { name, email, password } = arguments;
    let session = session(context)?;
    let mut account = session.log_in(password).await?;
    if let Some(email) = email {
        account.change_email(email).await.map_err(|error| taken(error, email))?;
        SessionFile::keep(&context.folder, &context.profile, session.api_url(), &account).await?;
    }
    if let Some(name) = name {
        account.change_name(name).await?;
    }
    if context.output.is_json() {
        let document =
            json!({ "account_id": account.id(), "email": account.email(), "name": account.name() });
        return context.output.document(&document);
    }
    context.output.remark("changed");
    Ok(())
}

async fn change_password(arguments: &AccountPasswordArguments, context: &Context) -> Outcome {
    let AccountPasswordArguments { password, new } = arguments;
    let session = session(context)?;
    let mut account = session.log_in(password).await?;
    let new = password::changed(new, session.email())?;
    context.advise(&new);
    account.change_password(&new).await?;
    SessionFile::keep(&context.folder, &context.profile, session.api_url(), &account).await?;
    if context.output.is_json() {
        return context.output.document(&json!({ "account_id": account.id(), "email": account.email() }));
    }
    context.output.remark("the password is changed, and all other sessions of the account have ended");
    Ok(())
}

async fn change_paper_key(password: &PasswordArguments, context: &Context) -> Outcome {
    let session = session(context)?;
    let mut account = session.log_in(password).await?;
    let paper_key = account.change_paper_key().await?;
    SessionFile::keep(&context.folder, &context.profile, session.api_url(), &account).await?;
    let document = json!({ "account_id": account.id(), "paper_key": paper_key.expose() });
    context.output.pairs(&document, &[("paper key", paper_key.expose().to_owned())])?;
    context.output.remark("Write it down: it is shown this once. The old one is taken no more.");
    Ok(())
}

async fn recover(arguments: &AccountRecoverArguments, context: &Context) -> Outcome {
    let AccountRecoverArguments { email, paper_key_file, new, new_client } = arguments;
    let api_url = context.server_of_account()?;
    let paper_key = password::paper_key(paper_key_file.as_ref(), email)?;
    let new = password::changed(new, email)?;
    context.advise(&new);
    let (account, previous) = if *new_client {
        let (account, previous) = Account::recover_with_new_queen(&api_url, email, &paper_key, &new).await?;
        (account, previous.map(|client| client.id()))
    } else {
        (Account::recover(&api_url, email, &paper_key, &new).await?, None)
    };
    SessionFile::keep(&context.folder, &context.profile, &api_url, &account).await?;
    if context.output.is_json() {
        return context.output.document(&json!({
            "account_id": account.id(),
            "email": account.email(),
            "api_url": api_url,
            "client_id": account.queen().id(),
            "previous_client_id": previous,
        }));
    }
    context.output.remark("the password is set, and all other sessions of the account have ended");
    if let Some(previous) = previous {
        context.output.remark(&format!(
            "The client {previous} administered the account until now. Keep it out: tozstore client disable {previous}"
        ));
    }
    Ok(())
}

async fn delete(arguments: &AccountDeleteArguments, context: &Context) -> Outcome {
    let session = session(context)?;
    let question =
        format!("Delete the account {} with all its clients and all that they wrote?", session.email());
    context.ask(arguments.yes, &question)?;
    session.log_in(&arguments.password).await?.delete().await?;
    SessionFile::forget(&context.folder, &context.profile)?;
    if context.output.is_json() {
        return context.output.document(&json!({ "email": session.email(), "deleted": true }));
    }
    context.output.remark("deleted");
    Ok(())
}

fn session(context: &Context) -> Outcome<SessionFile> {
    SessionFile::load(&context.folder, &context.profile, context.api_url.as_deref())
}

fn taken(error: Error, email: &str) -> Failure {
    match error {
        Error::Refused { status: 409, .. } => Failure::new(
            Code::Conflict,
            format!("there is an account with the e-mail address {email} already"),
            format!("log in to it: tozstore account login --email {email}"),
        ),
        error => error.into(),
    }
}

impl Context {
    /// Warns of a password that is too easy to guess.
    fn advise(&self, password: &Secret) {
        if let Some(advice) = password_advice(password.expose()) {
            self.output.remark(&format!("warning: {advice}"));
        }
    }

    /// The server that was named, else that of the session that is there.
    pub(super) fn server_of_account(&self) -> Outcome<String> {
        if let Some(api_url) = &self.api_url {
            return Ok(api_url.clone());
        }
        match SessionFile::find(&self.folder, &self.profile)? {
            Some(session) => Ok(session.api_url().to_owned()),
            None => Err(Failure::new(
                Code::Usage,
                "no server is named",
                "give --api-url URL, or set TOZSTORE_API_URL; `tozstore serve` prints the URL when it is ready",
            )),
        }
    }

    /// Asks before something that has no way back.
    pub(super) fn ask(&self, yes: bool, question: &str) -> Outcome {
        if yes || self.output.confirm(question)? {
            return Ok(());
        }
        Err(Failure::new(
            Code::Usage,
            "not confirmed, so nothing was done",
            "give --yes to go on without being asked",
        ))
    }
}
