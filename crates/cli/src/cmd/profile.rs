//! `profile`: the clients that this machine can be.

use serde_json::json;

use super::Context;
use crate::args::{ProfileCommand, ProfileShowArguments};
use crate::exit::Outcome;

/// Runs one of the commands.
pub fn run(command: ProfileCommand, context: &Context) -> Outcome {
    match command {
        ProfileCommand::List => list(context),
        ProfileCommand::Show(arguments) => show(&arguments, context),
        ProfileCommand::Path => {
            let path = context.folder.profile_path(&context.profile);
            if context.output.is_json() {
                return context.output.document(&json!({ "path": path }));
            }
            // As it is: programs read this line.
            context.output.bytes(format!("{}\n", path.display()).as_bytes())
        }
    }
}

fn list(context: &Context) -> Outcome {
    let mut rows = Vec::new();
    for name in context.folder.names()? {
        // A damaged profile is no reason not to list the others.
        let row = match context.folder.load(&name, None) {
            Ok(credentials) => {
                [name.to_string(), credentials.client_id().to_string(), credentials.api_url().to_owned()]
            }
            Err(failure) => [name.to_string(), "-".to_owned(), failure.what.into_owned()],
        };
        rows.push(row);
    }
    if !context.output.is_json() {
        return context.output.table(["PROFILE", "CLIENT", "SERVER"], &rows);
    }
    for [profile, client_id, api_url] in rows {
        let document = if client_id == "-" {
            json!({ "profile": profile, "problem": api_url })
        } else {
            json!({ "profile": profile, "client_id": client_id, "api_url": api_url })
        };
        context.output.document(&document)?;
    }
    Ok(())
}

fn show(arguments: &ProfileShowArguments, context: &Context) -> Outcome {
    if arguments.secrets {
        let text = context.folder.text(&context.profile)?;
        return context.output.bytes(text.as_bytes());
    }
    let credentials = context.folder.load(&context.profile, None)?;
    let path = context.folder.profile_path(&context.profile);
    let signing_key = credentials.public_signing_key().map(|key| key.to_string());
    let document = json!({
        "profile": context.profile.to_string(),
        "client_id": credentials.client_id(),
        "api_url": credentials.api_url(),
        "public_key": credentials.public_key(),
        "public_signing_key": signing_key,
        "path": path,
    });
    let pairs = [
        ("profile", context.profile.to_string()),
        ("client", credentials.client_id().to_string()),
        ("server", credentials.api_url().to_owned()),
        ("encryption key", credentials.public_key().to_string()),
        ("signing key", signing_key.unwrap_or_else(|| "none".to_owned())),
        ("file", path.display().to_string()),
    ];
    context.output.pairs(&document, &pairs)
}
