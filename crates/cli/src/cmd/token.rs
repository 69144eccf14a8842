//! `token`: registration tokens of the account.

use serde_json::json;
use tozstore::{RegistrationToken, TokenOptions};

use super::Context;
use crate::args::{PasswordArguments, TokenCommand, TokenCreateArguments, TokenDeleteArguments};
use crate::exit::{Code, Failure, Outcome};
use crate::session::SessionFile;

/// Characters of a token that name it in lists: 48 bits tell tokens apart and give none away.
const ID_CHARS: usize = 12;

/// Runs one of the commands.
pub async fn run(command: TokenCommand, context: &Context) -> Outcome {
    let session = SessionFile::load(&context.folder, &context.profile, context.api_url.as_deref())?;
    match command {
        TokenCommand::Create(arguments) => create(arguments, &session, context).await,
        TokenCommand::List(password) => list(&password, &session, context).await,
        TokenCommand::Delete(arguments) => delete(&arguments, &session, context).await,
    }
}

async fn create(arguments: TokenCreateArguments, session: &SessionFile, context: &Context) -> Outcome {
    let TokenCreateArguments { name, one_time, uses, password } = arguments;
    let mut options = TokenOptions::default();
    options.name = name;
    options.one_time = one_time;
    options.max_uses = uses.map(u64::from);
    let token = session
        .with_tokens(&context.folder, &context.profile, &password, async |account| {
            account.create_token(options.clone()).await
        })
        .await?;
    if context.output.is_json() {
        let document =
            json!({ "token": token.token.expose(), "token_id": id_of(&token), "name": token.name });
        return context.output.document(&document);
    }
    context.output.line(token.token.expose())
}

async fn list(password: &PasswordArguments, session: &SessionFile, context: &Context) -> Outcome {
    let tokens = tokens(password, session, context).await?;
    if context.output.is_json() {
        for token in &tokens {
            context.output.document(&json!({
                "token_id": id_of(token),
                "name": token.name,
                "uses": token.uses,
                "allowed_uses": token.max_uses,
                "one_time": token.one_time,
            }))?;
        }
        return Ok(());
    }
    if tokens.is_empty() {
        context.output.remark("no tokens");
        return Ok(());
    }
    let rows: Vec<[String; 4]> = tokens
        .iter()
        .map(|token| {
            let allowed = match token.max_uses {
                _ if token.one_time => "1, then gone".to_owned(),
                Some(uses) => uses.to_string(),
                None => "any number".to_owned(),
            };
            [id_of(token).to_owned(), token.uses.to_string(), allowed, token.name.clone().unwrap_or_default()]
        })
        .collect();
    context.output.table(["TOKEN-ID", "USED", "ALLOWED", "NAME"], &rows)
}

async fn delete(arguments: &TokenDeleteArguments, session: &SessionFile, context: &Context) -> Outcome {
    if arguments.id.len() < ID_CHARS {
        let what = format!("a token is named by at least {ID_CHARS} characters");
        return Err(Failure::new(Code::Usage, what, "see them: tozstore token list"));
    }
    let tokens = tokens(&arguments.password, session, context).await?;
    let mut named = tokens.iter().filter(|token| token.token.expose().starts_with(&arguments.id));
    let (Some(token), None) = (named.next(), named.next()) else {
        let what = format!("there is no one token {}", arguments.id);
        return Err(Failure::new(Code::NotFound, what, "see them: tozstore token list"));
    };
    session
        .with_tokens(&context.folder, &context.profile, &arguments.password, async |account| {
            account.delete_token(token.token.expose()).await
        })
        .await?;
    if context.output.is_json() {
        return context.output.document(&json!({ "token_id": id_of(token), "deleted": true }));
    }
    context.output.remark("deleted; clients that it registered stay");
    Ok(())
}

async fn tokens(
    password: &PasswordArguments,
    session: &SessionFile,
    context: &Context,
) -> Outcome<Vec<RegistrationToken>> {
    session
        .with_tokens(&context.folder, &context.profile, password, async |account| account.tokens().await)
        .await
}

fn id_of(token: &RegistrationToken) -> &str {
    let text = token.token.expose();
    text.get(..ID_CHARS).unwrap_or(text)
}
