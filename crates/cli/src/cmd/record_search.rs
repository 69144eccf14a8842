//! `record search`: search records by terms.

use tozstore::{Search, Terms};

use super::Context;
use super::record::{KEY_BACKUP_TYPE, Listing, PAGE_RECORDS};
use crate::args::{Comparison, RecordSearchArguments};
use crate::exit::Outcome;
use crate::field::Entry;

/// Runs the command.
pub async fn run(arguments: RecordSearchArguments, context: &Context) -> Outcome {
    let limit = arguments.limit as usize;
    // Private keys are shown to who asks for them by name.
    let shows_key_backups = arguments.record_type.iter().any(|record_type| record_type == KEY_BACKUP_TYPE);
    let data = arguments.data;
    let search = search(arguments).page_size(limit.saturating_add(1).min(PAGE_RECORDS));
    context
        .with_client(async |client| {
            let listing = Listing::new(context.output, data, shows_key_backups);
            listing.fill(client.search(search).records(), limit).await
        })
        .await
}

fn search(arguments: RecordSearchArguments) -> Search {
    let mut search = Search::new().with_data(arguments.data).matching(terms(&arguments));
    for record_type in arguments.exclude_type {
        search = search.excluding(Terms::any().record_type(record_type));
    }
    if arguments.after.is_some() || arguments.before.is_some() {
        search = if arguments.modified {
            search.modified(arguments.after, arguments.before)
        } else {
            search.created(arguments.after, arguments.before)
        };
    }
    if arguments.all_writers {
        search = search.all_writers();
    }
    if !arguments.group.is_empty() {
        search = search.only_groups(arguments.group);
    }
    if arguments.without_groups {
        search = search.without_groups();
    }
    if arguments.newest_first { search.newest_first() } else { search }
}

fn terms(arguments: &RecordSearchArguments) -> Terms {
    let terms = if arguments.any { Terms::any() } else { Terms::all() };
    let mut terms = match arguments.by {
        Comparison::Exact => terms,
        Comparison::Fuzzy => terms.fuzzy(),
        Comparison::Regexp => terms.regexp(),
        Comparison::Wildcard => terms.wildcard(),
    };
    for record_type in &arguments.record_type {
        terms = terms.record_type(record_type);
    }
    for key in &arguments.key {
        terms = terms.key(key);
    }
    for value in &arguments.value {
        terms = terms.value(value);
    }
    for Entry { name, value } in &arguments.plain {
        terms = terms.tag(name, value);
    }
    for writer in &arguments.writer {
        terms = terms.writer(*writer);
    }
    terms
}
