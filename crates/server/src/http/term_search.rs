//! Search of records by terms: `POST /v2/search`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use tozstore_api::{
    Condition, DEFAULT_TERM_SEARCH_LIMIT, FoundRecord, MAX_GROUP_LOOKUPS, MAX_PATTERN_BYTES,
    MAX_TERM_SEARCH_LIMIT, MAX_TERM_SEARCH_PATTERNS, MAX_TERM_SEARCH_TERMS, MAX_TERM_SEARCH_TOTAL, RangeKey,
    SearchOrder, SharingModel, TermFilter, TermSearchRequest, TermSearchResponse, TermStrategy, paths,
};

use super::access_keys::KeyAnswers;
use super::groups::GroupKeys;
use super::records::{MAX_ANSWER_DATA_BYTES, SealedText, meta, sealed_text};
use super::{Credential, Error, OptionalJson};
use crate::App;
use crate::policy::{self, GroupReach, SearchReach};
use crate::store::{
    ReadTx, RecordRow, TermCondition, TermGroup, TermPage, TermSearch, TextPattern, TimeRange,
};

/// Work that one search may be: about a second of it.
const MAX_WORK: usize = 2_000_000;
/// Values that a conjunction looks at before it goes another way: about 3 ms.
const PATIENCE: usize = 16_384;

/// Searches records by terms.
///
/// A page is full until there is no more, but for its limit of [`MAX_ANSWER_DATA_BYTES`] bytes.
#[utoipa::path(
    post, path = paths::TERM_SEARCH, request_body = Option<TermSearchRequest>,
    responses((status = 200, body = TermSearchResponse))
)]
pub async fn search(
    State(app): State<Arc<App>>,
    credential: Credential,
    OptionalJson(request): OptionalJson<TermSearchRequest>,
) -> Result<axum::Json<TermSearchResponse<SealedText>>, Error> {
    let request = request.unwrap_or_default();
    let reach = reach(&request);
    let search = term_search(&request)?;
    let (offset, with_data) = (search.offset, search.with_data);
    let read = move |tx: &dyn ReadTx| {
        let caller = credential.client(tx)?.id;
        let searchable = policy::searchable(tx, caller, &reach)?;
        let search = TermSearch { scopes: searchable.scopes(), ..search.clone() };
        let (mut keys, mut group_keys) = (KeyAnswers::new(caller), GroupKeys::new(caller));
        let TermPage { rows, total, more } = tx.search_terms(&search)?;
        if search.with_data {
            let slots = rows.iter().map(|row| &row.head.type_slot);
            keys.look_up(tx, slots.filter(|slot| searchable.group_of(slot).is_none()))?;
        }
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let slot = &row.head.type_slot;
            let group = searchable.group_of(slot);
            // Official clients take a key in the one place for one of the other kind.
            let keys = match (search.with_data, group) {
                (false, _) => (None, None),
                (true, None) => (keys.of(tx, slot)?, None),
                (true, Some(group)) => (None, group_keys.of(tx, group, slot)?),
            };
            let model = if group.is_some() { SharingModel::Group } else { SharingModel::Direct };
            found.push((keys, model, searchable.readers_of(slot), row));
        }
        Ok::<_, Error>((found, total, more))
    };
    let (found, total, more) = app.store.read("search terms", read).await?;
    let last_index = if more { offset + found.len() } else { 0 };
    let results = found.into_iter().map(|(keys, sharing_model, clients_shared_with, row)| {
        let RecordRow { head, data } = row;
        let (access_key, group_access_key) = keys;
        Ok(FoundRecord {
            record_data: with_data.then(|| sealed_text(data)).transpose()?,
            access_key,
            sharing_model,
            group_access_key,
            rec_sig: head.signature.clone(),
            clients_shared_with,
            meta: meta(head),
        })
    });
    Ok(axum::Json(TermSearchResponse {
        results: results.collect::<Result<_, Error>>()?,
        last_index: last_index as u64,
        total_results: total as u64,
        search_id: String::new(),
    }))
}

fn reach(request: &TermSearchRequest) -> SearchReach {
    let only_groups = request.include_only_groups || !request.group_ids.is_empty();
    SearchReach {
        all_writers: request.include_all_writers,
        only_shared: request.include_only_direct_shares,
        groups: match (only_groups, request.exclude_group_records) {
            // Of records in groups, those that are in none.
            (true, true) => GroupReach::Only(BTreeSet::new()),
            (true, false) if request.group_ids.is_empty() => GroupReach::OnlyAll,
            (true, false) => GroupReach::Only(request.group_ids.iter().copied().collect()),
            (false, true) => GroupReach::Without,
            (false, false) => GroupReach::Along,
        },
    }
}

/// The search without what the caller may see, which only a transaction can tell.
fn term_search(request: &TermSearchRequest) -> Result<TermSearch, Error> {
    if !request.within_limits() {
        return Err(Error::bad_request(format!(
            "a search has at most {MAX_TERM_SEARCH_TERMS} terms and {MAX_GROUP_LOOKUPS} groups"
        )));
    }
    let offset =
        usize::try_from(request.next_token).map_err(|_| Error::bad_request("next_token is below zero"))?;
    let limit = match usize::try_from(request.limit) {
        Err(_) | Ok(0) => DEFAULT_TERM_SEARCH_LIMIT,
        Ok(limit) if limit <= MAX_TERM_SEARCH_LIMIT => limit,
        Ok(_) => return Err(Error::bad_request(format!("limit is at most {MAX_TERM_SEARCH_LIMIT}"))),
    };
    let mut patterns = Patterns { left: MAX_TERM_SEARCH_PATTERNS };
    let include = request.include.iter().map(|filter| patterns.group(filter));
    let include = include.collect::<Result<_, _>>()?;
    let exclude = request.exclude.iter().filter(|filter| !filter.terms.is_empty());
    let exclude = exclude.map(|filter| patterns.group(filter)).collect::<Result<_, _>>()?;
    let range = TimeRange { first: request.range.after, last: request.range.before };
    let (created, modified) = match request.range.range_key {
        RangeKey::Created => (range, TimeRange::default()),
        RangeKey::Modified => (TimeRange::default(), range),
    };
    Ok(TermSearch {
        include,
        exclude,
        created,
        modified,
        descending: request.order == SearchOrder::Descending,
        offset,
        limit,
        with_data: request.include_data,
        max_data_bytes: MAX_ANSWER_DATA_BYTES,
        max_total: MAX_TERM_SEARCH_TOTAL,
        max_work: MAX_WORK,
        patience: PATIENCE,
        ..TermSearch::default()
    })
}

/// Makes patterns, which are fewer than terms may be: each takes memory and is compared with many values.
struct Patterns {
    left: usize,
}

impl Patterns {
    fn group(&mut self, filter: &TermFilter) -> Result<TermGroup, Error> {
        let terms = &filter.terms;
        let mut conditions = Vec::with_capacity(terms.len());
        let id = |text: &String| {
            if filter.strategy == TermStrategy::Exact { text.to_lowercase() } else { text.clone() }
        };
        for text in &terms.writer_ids {
            conditions.push(TermCondition::Writer(self.pattern(filter.strategy, &id(text))?));
        }
        for text in &terms.user_ids {
            conditions.push(TermCondition::User(self.pattern(filter.strategy, &id(text))?));
        }
        for text in &terms.record_ids {
            conditions.push(TermCondition::Record(self.pattern(filter.strategy, &id(text))?));
        }
        for text in &terms.content_types {
            conditions.push(TermCondition::Type(self.pattern(filter.strategy, text)?));
        }
        for text in &terms.keys {
            conditions.push(TermCondition::Name(self.pattern(filter.strategy, text)?));
        }
        for text in &terms.values {
            conditions.push(TermCondition::Value(self.pattern(filter.strategy, text)?));
        }
        for (name, value) in &terms.tags {
            let (name, value) = (self.pattern(filter.strategy, name)?, self.pattern(filter.strategy, value)?);
            conditions.push(TermCondition::Entry { name, value });
        }
        Ok(TermGroup { all: filter.condition == Condition::And, conditions })
    }

    fn pattern(&mut self, strategy: TermStrategy, text: &str) -> Result<TextPattern, Error> {
        if strategy == TermStrategy::Exact {
            return Ok(TextPattern::exact(text));
        }
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            Error::bad_request(format!(
                "a search has at most {MAX_TERM_SEARCH_PATTERNS} terms that are not exact"
            ))
        })?;
        if text.len() > MAX_PATTERN_BYTES {
            return Err(Error::bad_request(format!("a pattern has at most {MAX_PATTERN_BYTES} bytes")));
        }
        match strategy {
            TermStrategy::Exact => Ok(TextPattern::exact(text)),
            TermStrategy::Fuzzy => Ok(TextPattern::fuzzy(text)),
            TermStrategy::Regexp => TextPattern::regexp(text).map_err(Error::bad_request),
            TermStrategy::Wildcard => TextPattern::wildcard(text).map_err(Error::bad_request),
        }
    }
}
