//! `admin audit`: who did what to which keys and policies.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::sync::Arc;

use serde_json::json;
use tozstore_server::store::{AuditHead, Store};
use tozstore_server::{admin, audit};

use super::rows::{failed, open};
use crate::args::{AuditCommand, AuditExportArguments, AuditNameArguments, AuditVerifyArguments};
use crate::exit::{Code, Failure, Outcome};
use crate::output::Output;

/// Runs one of the commands.
pub(super) async fn run(command: &AuditCommand, output: Output) -> Outcome {
    match command {
        AuditCommand::Export(AuditExportArguments { after, store }) => {
            let store = open(store).await?;
            let outcome = export(*after, &store, output).await;
            store.close().await;
            outcome
        }
        AuditCommand::Name(AuditNameArguments { id, store }) => {
            let store = open(store).await?;
            let outcome = name(id, &store, output).await;
            store.close().await;
            outcome
        }
        AuditCommand::Verify(arguments) => verify(arguments, output),
    }
}

async fn export(mut after: u64, store: &Arc<dyn Store>, output: Output) -> Outcome {
    const PAGE: usize = 1000;
    loop {
        let entries = admin::audit_entries(store, after, PAGE).await.map_err(failed)?;
        for entry in &entries {
            output.line(&audit::line(entry))?;
        }
        match entries.last() {
            Some(last) if entries.len() == PAGE => after = last.position,
            last => {
                let told = match last {
                    Some(last) => Some(AuditHead { position: last.position, digest: last.digest }),
                    None => admin::audit_head(store).await.map_err(failed)?,
                };
                output.remark(
                    &told.map_or_else(|| "the log is empty".to_owned(), |head| format!("head {head}")),
                );
                return Ok(());
            }
        }
    }
}

async fn name(id: &str, store: &Arc<dyn Store>, output: Output) -> Outcome {
    let name = admin::audit_name(store, id).await.map_err(failed)?.ok_or_else(|| {
        let advice = "it may never have been there, or was erased, and nobody can tell its entries any more";
        Failure::new(Code::NotFound, "the audit log has no name for this id", advice)
    })?;
    output.pairs(&json!({ "name": name }), &[("name", name.clone())])
}

fn verify(arguments: &AuditVerifyArguments, output: Output) -> Outcome {
    let AuditVerifyArguments { file, head } = arguments;
    let log: Box<dyn BufRead> = if file.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        let opened = File::open(file).map_err(|error| {
            let what = format!("{} cannot be read: {error}", file.display());
            Failure::new(Code::Failed, what, "name the file that `admin audit export` was written to")
        })?;
        Box::new(BufReader::new(opened))
    };
    let head = audit::verify(log, *head).map_err(|fault| {
        let advice = "export the log again; if it fails again, the log was tampered with";
        Failure::new(Code::Untrusted, fault.to_string(), advice)
    })?;
    output.pairs(&json!({ "head": head.to_string() }), &[("head", head.to_string())])
}
