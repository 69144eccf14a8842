//! `client`: register; administer the clients of the account.

use std::pin::pin;

use futures_util::StreamExt;
use serde_json::json;
use tozstore::{Client, RegisterOptions, Secret};

use super::Context;
use crate::args::{
    AdministeredClientArguments, ClientCommand, ClientDeleteArguments, ClientInfoArguments,
    PasswordArguments, RegisterArguments,
};
use crate::exit::{Code, Failure, Outcome};
use crate::secret_input;
use crate::session::SessionFile;

/// The variable that holds a registration token.
const TOKEN_VARIABLE: &str = "TOZSTORE_REGISTRATION_TOKEN";

/// Runs one of the commands.
pub async fn run(command: ClientCommand, context: &Context) -> Outcome {
    match command {
        ClientCommand::Register(arguments) => register(&arguments, context).await,
        ClientCommand::List(password) => list(&password, context).await,
        ClientCommand::Enable(arguments) => enable(&arguments, true, context).await,
        ClientCommand::Disable(arguments) => enable(&arguments, false, context).await,
        ClientCommand::Delete(arguments) => delete(&arguments, context).await,
        ClientCommand::Info(arguments) => info(&arguments, context).await,
    }
}

async fn register(arguments: &RegisterArguments, context: &Context) -> Outcome {
    // Whatever can fail without the server fails before keys are registered that nobody keeps.
    context.folder.check_vacant(&context.profile)?;
    let api_url = context.server_of_account()?;
    let token = registration_token(arguments)?;
    let name = arguments.name.clone().unwrap_or_else(|| context.profile.to_string());
    let options = RegisterOptions::new().backup(arguments.backup);
    let registration = Client::register_with(&api_url, token.expose(), &name, &options).await?;
    let credentials = &registration.credentials;
    let path = context.folder.create(&context.profile, credentials)?;
    let is_backed_up = matches!(registration.backup, Some(Ok(())));
    let document = json!({
        "profile": context.profile.to_string(),
        "client_id": credentials.client_id(),
        "name": name,
        "api_url": api_url,
        "has_backup": is_backed_up,
        "path": path,
    });
    let pairs = [
        ("profile", context.profile.to_string()),
        ("client", credentials.client_id().to_string()),
        ("name", name),
        ("server", api_url),
        ("backup", if is_backed_up { "with the account" } else { "none" }.to_owned()),
        ("file", path.display().to_string()),
    ];
    context.output.pairs(&document, &pairs)?;
    if let Some(Err(error)) = registration.backup {
        let failure = Failure::from(error);
        return Err(Failure::new(
            failure.code,
            format!("the client is registered and kept, but its backup failed: {}", failure.what),
            "keep a copy of the profile's file yourself, in a safe place",
        ));
    }
    if !is_backed_up {
        context
            .output
            .remark("The file holds the only keys to what this client writes: keep a copy in a safe place.");
    }
    Ok(())
}

fn registration_token(arguments: &RegisterArguments) -> Outcome<Secret> {
    let token = match (&arguments.token_file, secret_input::variable(TOKEN_VARIABLE)) {
        (Some(path), _) => secret_input::first_line_of_file(path)?,
        (None, Some(token)) => token,
        (None, None) => secret_input::first_line_of_standard_input("Registration token: ")?,
    };
    let trimmed = token.expose().trim();
    if trimmed.is_empty() {
        return Err(Failure::new(
            Code::Usage,
            "no registration token was given",
            format!("give --token-file FILE, set {TOKEN_VARIABLE}, or write it to standard input"),
        ));
    }
    Ok(Secret::new(trimmed))
}

async fn list(password: &PasswordArguments, context: &Context) -> Outcome {
    let account = session(context)?.log_in(password).await?;
    let mut clients = pin!(account.clients());
    let mut rows = Vec::new();
    while let Some(found) = clients.next().await {
        let client = found?;
        if context.output.is_json() {
            context.output.document(&json!({
                "client_id": client.id,
                "name": client.name,
                "type": client.kind,
                "enabled": client.enabled,
                "has_backup": client.has_backup,
                "is_account_client": client.id == account.queen().id(),
            }))?;
            continue;
        }
        let role = if client.id == account.queen().id() { "account" } else { "" };
        rows.push([
            client.id.to_string(),
            if client.enabled { "enabled" } else { "disabled" }.to_owned(),
            if client.has_backup { "backup" } else { "" }.to_owned(),
            role.to_owned(),
            client.name,
        ]);
    }
    if context.output.is_json() {
        return Ok(());
    }
    context.output.table(["CLIENT", "STATE", "BACKUP", "ROLE", "NAME"], &rows)
}

async fn enable(arguments: &AdministeredClientArguments, enabled: bool, context: &Context) -> Outcome {
    let AdministeredClientArguments { client, password } = arguments;
    let account = session(context)?.log_in(password).await?;
    if enabled {
        account.enable_client(*client).await?;
    } else {
        account.disable_client(*client).await?;
    }
    if context.output.is_json() {
        return context.output.document(&json!({ "client_id": client, "enabled": enabled }));
    }
    context.output.remark(if enabled { "enabled" } else { "disabled" });
    Ok(())
}

async fn delete(arguments: &ClientDeleteArguments, context: &Context) -> Outcome {
    let ClientDeleteArguments { target: AdministeredClientArguments { client, password }, yes } = arguments;
    context.ask(*yes, &format!("Delete the client {client} with all that it wrote?"))?;
    session(context)?.log_in(password).await?.delete_client(*client).await?;
    if context.output.is_json() {
        return context.output.document(&json!({ "client_id": client, "deleted": true }));
    }
    context.output.remark("deleted");
    Ok(())
}

async fn info(arguments: &ClientInfoArguments, context: &Context) -> Outcome {
    context
        .with_client(async |client| {
            let info = client.info(arguments.client.unwrap_or(client.id())).await?;
            let text = |key: Option<String>| key.unwrap_or_else(|| "none".to_owned());
            let fingerprint = info.fingerprint();
            let document = json!({
                "client_id": info.id,
                "public_key": info.public_key,
                "public_signing_key": info.signing_key,
                "fingerprint": fingerprint,
            });
            let pairs = [
                ("client", info.id.to_string()),
                ("encryption key", text(info.public_key.map(|key| key.to_string()))),
                ("signing key", text(info.signing_key.map(|key| key.to_string()))),
                ("fingerprint", text(fingerprint)),
            ];
            context.output.pairs(&document, &pairs)
        })
        .await
}

fn session(context: &Context) -> Outcome<SessionFile> {
    SessionFile::load(&context.folder, &context.profile, context.api_url.as_deref())
}
