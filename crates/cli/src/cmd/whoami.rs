//! `whoami`: which client this is.

use serde_json::json;

use super::Context;
use crate::args::WhoamiArguments;
use crate::exit::{Code, Outcome};

/// Prints the client: its id alone, which needs no server, or all that the server says of it.
pub async fn run(arguments: &WhoamiArguments, context: &Context) -> Outcome {
    if arguments.id {
        let credentials = context.folder.load(&context.profile, None)?;
        return context.output.line(&credentials.client_id().to_string());
    }
    context
        .with_client(async |client| {
            let details = client.whoami().await?;
            let sealed = match context.sealed(client).await {
                Ok(sealed) => Ok(sealed),
                // Clients without a signing key have nothing to do with sealed types.
                Err(failure) if failure.code == Code::Refused && !arguments.card => Err(failure.what),
                Err(failure) => return Err(failure),
            };
            if let (true, Ok(sealed)) = (arguments.card, &sealed) {
                let name: String = details.name.chars().take(16).collect();
                return context.output.line(&sealed.contact_card(&name)?.to_string());
            }
            let sealed = sealed.map(|sealed| sealed.fingerprint().to_string());
            let fingerprint = client.info(client.id()).await?.fingerprint().unwrap_or_default();
            let server = client.credentials().api_url();
            let document = json!({
                "profile": context.profile.to_string(),
                "client_id": details.id,
                "name": details.name,
                "api_url": server,
                "enabled": details.enabled,
                "has_backup": details.has_backup,
                "fingerprint": fingerprint,
                "sealed_fingerprint": sealed.as_ref().ok(),
            });
            let pairs = [
                ("profile", context.profile.to_string()),
                ("client", details.id.to_string()),
                ("name", details.name),
                ("server", server.to_owned()),
                ("backup", if details.has_backup { "with the account" } else { "none" }.to_owned()),
                ("fingerprint", fingerprint),
                (
                    "sealed",
                    sealed.map_or_else(|why| format!("none: {why}"), |own| format!("{}#{own}", details.id)),
                ),
            ];
            context.output.pairs(&document, &pairs)
        })
        .await
}
