//! Search of records: `POST /v1/storage/search`.

use std::sync::Arc;

use axum::extract::State;
use tozstore_api::{
    DEFAULT_SEARCH_COUNT, ListedRecord, MAX_SEARCH_COUNT, MAX_SEARCH_VALUES, SearchRequest, SearchResponse,
    paths,
};

use super::access_keys::KeyAnswers;
use super::records::{MAX_ANSWER_DATA_BYTES, SealedText, meta, sealed_text};
use super::{Credential, Error, OptionalJson};
use crate::App;
use crate::policy::{self, Reach};
use crate::store::{ReadTx, RecordIndex, RecordQuery, RecordRow};

/// Searches records.
///
/// A page is full until there is no more, since some clients take a page that is not for the last one, but for its limit
/// of [`MAX_ANSWER_DATA_BYTES`] bytes. For the same reason a page larger than [`MAX_SEARCH_COUNT`] is refused instead of
/// cut.
#[utoipa::path(
    post, path = paths::SEARCH, request_body = Option<SearchRequest>,
    responses((status = 200, body = SearchResponse))
)]
pub async fn search(
    State(app): State<Arc<App>>,
    credential: Credential,
    OptionalJson(request): OptionalJson<SearchRequest>,
) -> Result<axum::Json<SearchResponse<SealedText>>, Error> {
    let request = request.unwrap_or_default();
    let reach = reach(&request);
    let query = RecordQuery { max_examined: app.config.limits.search_examined_records, ..query(request)? };
    let after = query.after;
    let read = move |tx: &dyn ReadTx| {
        let caller = credential.client(tx)?.id;
        let query = RecordQuery { scopes: policy::visible(tx, caller, &reach)?, ..query.clone() };
        let mut keys = KeyAnswers::new(caller);
        let mut found = Vec::new();
        let rows = tx.query_records(&query)?;
        if query.with_data {
            keys.look_up(tx, rows.iter().map(|row| &row.head.type_slot))?;
        }
        for row in rows {
            let key = if query.with_data { keys.of(tx, &row.head.type_slot)? } else { None };
            found.push((row, key));
        }
        Ok::<_, Error>((found, query.with_data))
    };
    let (found, with_data) = app.store.read("search records", read).await?;
    let last_index = found.last().map_or(after, |(row, _)| row.head.index).0;
    let results = found.into_iter().map(|(RecordRow { head, data }, access_key)| {
        let record_data = with_data.then(|| sealed_text(data)).transpose()?;
        let rec_sig = head.signature.clone();
        Ok(ListedRecord { meta: meta(head), record_data, access_key, group_access_key: None, rec_sig })
    });
    Ok(axum::Json(SearchResponse { results: results.collect::<Result<_, Error>>()?, last_index }))
}

fn reach(request: &SearchRequest) -> Reach {
    match (request.writer_ids.is_empty(), request.include_all_writers) {
        (false, _) => Reach::Writers(request.writer_ids.iter().copied().collect()),
        (true, true) => Reach::All,
        (true, false) => Reach::Own,
    }
}

/// The query without what the caller may see, which only a transaction can tell.
fn query(request: SearchRequest) -> Result<RecordQuery, Error> {
    if !request.within_limits() {
        return Err(Error::bad_request(format!("a filter has at most {MAX_SEARCH_VALUES} values")));
    }
    let after =
        u64::try_from(request.after_index).map_err(|_| Error::bad_request("after_index is below zero"))?;
    let limit = match usize::try_from(request.count) {
        Err(_) | Ok(0) => DEFAULT_SEARCH_COUNT,
        Ok(count) if count <= MAX_SEARCH_COUNT => count,
        Ok(_) => return Err(Error::bad_request(format!("count is at most {MAX_SEARCH_COUNT}"))),
    };
    Ok(RecordQuery {
        users: request.user_ids.into_iter().collect(),
        records: request.record_ids.into_iter().collect(),
        types: request.content_types.into_iter().collect(),
        plain: request.plain,
        after: RecordIndex(after).min(RecordIndex::MAX),
        limit,
        with_data: request.include_data,
        max_data_bytes: MAX_ANSWER_DATA_BYTES,
        ..RecordQuery::default()
    })
}
