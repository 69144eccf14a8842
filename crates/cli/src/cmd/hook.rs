//! `hook`: whom the server tells of changes in the account.

use serde_json::json;
use tozstore::{Hook, Secret};

use super::Context;
use crate::args::{HookCommand, HookCreateArguments, HookDeleteArguments, PasswordArguments};
use crate::exit::Outcome;
use crate::session::SessionFile;

/// Runs one of the commands.
pub async fn run(command: HookCommand, context: &Context) -> Outcome {
    let session = SessionFile::load(&context.folder, &context.profile, context.api_url.as_deref())?;
    match command {
        HookCommand::Create(arguments) => create(&arguments, &session, context).await,
        HookCommand::List(password) => list(&password, &session, context).await,
        HookCommand::Delete(arguments) => delete(&arguments, &session, context).await,
    }
}

async fn create(arguments: &HookCreateArguments, session: &SessionFile, context: &Context) -> Outcome {
    let HookCreateArguments { url, events, password } = arguments;
    let hook = session.log_in(password).await?.create_hook(url, events).await?;
    let secret = hook.secret.as_ref().map_or("", Secret::expose);
    let document = json!({ "hook_id": hook.id, "url": hook.url, "events": hook.events, "secret": secret });
    let pairs = [("hook", hook.id.to_string()), ("secret", secret.to_owned())];
    context.output.pairs(&document, &pairs)?;
    context.output.remark("The secret is what deliveries are signed with. Keep it: it is shown this once.");
    Ok(())
}

async fn list(password: &PasswordArguments, session: &SessionFile, context: &Context) -> Outcome {
    let hooks = session.log_in(password).await?.hooks().await?;
    if context.output.is_json() {
        for hook in &hooks {
            let document = json!({ "hook_id": hook.id, "url": hook.url, "events": hook.events });
            context.output.document(&document)?;
        }
        return Ok(());
    }
    if hooks.is_empty() {
        context.output.remark("no hooks");
        return Ok(());
    }
    let rows: Vec<[String; 3]> =
        hooks.into_iter().map(|hook| [hook.id.to_string(), names(&hook), hook.url]).collect();
    context.output.table(["ID", "EVENTS", "URL"], &rows)
}

async fn delete(arguments: &HookDeleteArguments, session: &SessionFile, context: &Context) -> Outcome {
    let HookDeleteArguments { id, password } = arguments;
    session.log_in(password).await?.delete_hook(*id).await?;
    if context.output.is_json() {
        return context.output.document(&json!({ "hook_id": id, "deleted": true }));
    }
    context.output.remark("deleted");
    Ok(())
}

fn names(hook: &Hook) -> String {
    let name = |event| serde_json::to_value(event).ok().and_then(|name| name.as_str().map(str::to_owned));
    hook.events.iter().filter_map(name).collect::<Vec<_>>().join(" ")
}
