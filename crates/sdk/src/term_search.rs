//! Searching records by terms of their plain metadata: exactly, or by how they look.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use tozstore_api::{
    Condition, FoundRecord, ListedRecord, MAX_TERM_SEARCH_LIMIT, RangeKey, SearchOrder, SearchRange,
    SearchTerms, TermFilter, TermSearchRequest, TermSearchResponse, TermStrategy, Timestamp, paths,
};
use tozstore_crypto::{ClientId, GroupId, RecordId};

use crate::query::Records;
use crate::transport::Request;
use crate::{Client, Error, Record, UntrustedData};

/// What to search for: records that fulfil one of the [`Terms`] to be matched (all records, if there are none) and none
/// of those to be excluded.
///
/// The server does the search, so it can only be for what the server reads: ids, type, plain metadata, times.
#[derive(Clone, Debug)]
pub struct Search {
    request: TermSearchRequest,
    page_size: usize,
}

const DEFAULT_PAGE_SIZE: usize = 100;

impl Search {
    /// All of this client's own records, the oldest first, with their data, in pages of 100.
    pub fn new() -> Self {
        let request = TermSearchRequest { include_data: true, ..TermSearchRequest::default() };
        Self { request, page_size: DEFAULT_PAGE_SIZE }
    }

    /// Records that fulfil these terms, or others that are to be matched.
    #[must_use]
    pub fn matching(mut self, terms: Terms) -> Self {
        self.request.include.push(terms.0);
        self
    }

    /// No records that fulfil these terms.
    #[must_use]
    pub fn excluding(mut self, terms: Terms) -> Self {
        self.request.exclude.push(terms.0);
        self
    }

    /// Records of every writer that shares with this client or with a group in which it may read, and its own.
    #[must_use]
    pub fn all_writers(mut self) -> Self {
        self.request.include_all_writers = true;
        self
    }

    /// Of this client's own records, those alone that it shares with a client.
    #[must_use]
    pub fn only_shared(mut self) -> Self {
        self.request.include_only_direct_shares = true;
        self
    }

    /// Only records that are shared with groups in which this client may read, by whomever; with these groups, if any are
    /// named.
    #[must_use]
    pub fn only_groups(mut self, groups: impl IntoIterator<Item = GroupId>) -> Self {
        self.request.include_only_groups = true;
        self.request.group_ids.extend(groups);
        self
    }

    /// No records that this client sees through groups alone.
    #[must_use]
    pub fn without_groups(mut self) -> Self {
        self.request.exclude_group_records = true;
        self
    }

    /// Records that were written in this stretch of time; both bounds belong to it. A search has one range of time.
    #[must_use]
    pub fn created(mut self, after: Option<Timestamp>, before: Option<Timestamp>) -> Self {
        self.request.range = SearchRange { range_key: RangeKey::Created, before, after };
        self
    }

    /// Records that were changed last in this stretch of time; both bounds belong to it. A search has one range of time.
    #[must_use]
    pub fn modified(mut self, after: Option<Timestamp>, before: Option<Timestamp>) -> Self {
        self.request.range = SearchRange { range_key: RangeKey::Modified, before, after };
        self
    }

    /// The newest first.
    #[must_use]
    pub fn newest_first(mut self) -> Self {
        self.request.order = SearchOrder::Descending;
        self
    }

    /// Records on one page: 1 to 1000.
    #[must_use]
    pub fn page_size(mut self, page_size: usize) -> Self {
        self.page_size = page_size;
        self
    }

    /// Whether records come with their fields. Without, they are only told of.
    #[must_use]
    pub fn with_data(mut self, with_data: bool) -> Self {
        self.request.include_data = with_data;
        self
    }

    fn request(mut self) -> Result<TermSearchRequest, Error> {
        if !(1..=MAX_TERM_SEARCH_LIMIT).contains(&self.page_size) {
            return Err(Error::Caller(format!("a page has 1 to {MAX_TERM_SEARCH_LIMIT} records")));
        }
        self.request.limit = self.page_size as i64;
        if self.request.within_limits() {
            Ok(self.request)
        } else {
            Err(Error::Caller("the search has too many terms or groups".to_owned()))
        }
    }
}

impl Default for Search {
    fn default() -> Self {
        Self::new()
    }
}

/// Terms that a record is compared with. They are about whole texts, and case matters.
#[derive(Clone, Debug)]
pub struct Terms(TermFilter);

impl Terms {
    /// One of the terms must hold.
    pub fn any() -> Self {
        Self(TermFilter::default())
    }

    /// All of the terms must hold.
    pub fn all() -> Self {
        Self(TermFilter { condition: Condition::And, ..TermFilter::default() })
    }

    /// A few characters may differ: none in a term of up to two, one in a term of up to five, else two.
    #[must_use]
    pub fn fuzzy(mut self) -> Self {
        self.0.strategy = TermStrategy::Fuzzy;
        self
    }

    /// The terms are regular expressions for the whole text.
    #[must_use]
    pub fn regexp(mut self) -> Self {
        self.0.strategy = TermStrategy::Regexp;
        self
    }

    /// In the terms `*` stands for any text and `?` for any character.
    #[must_use]
    pub fn wildcard(mut self) -> Self {
        self.0.strategy = TermStrategy::Wildcard;
        self
    }

    /// The record's writer.
    #[must_use]
    pub fn writer(self, writer: ClientId) -> Self {
        self.with(|terms| terms.writer_ids.push(writer.to_string()))
    }

    /// Whom the record is about.
    #[must_use]
    pub fn user(self, user: ClientId) -> Self {
        self.with(|terms| terms.user_ids.push(user.to_string()))
    }

    /// The record itself.
    #[must_use]
    pub fn record(self, record: RecordId) -> Self {
        self.with(|terms| terms.record_ids.push(record.to_string()))
    }

    /// The record's type.
    #[must_use]
    pub fn record_type(self, record_type: impl Into<String>) -> Self {
        self.with(|terms| terms.content_types.push(record_type.into()))
    }

    /// The name of an entry of the plain metadata.
    #[must_use]
    pub fn key(self, name: impl Into<String>) -> Self {
        self.with(|terms| terms.keys.push(name.into()))
    }

    /// The value of an entry of the plain metadata, whatever its name.
    #[must_use]
    pub fn value(self, value: impl Into<String>) -> Self {
        self.with(|terms| terms.values.push(value.into()))
    }

    /// Name and value of an entry of the plain metadata. A name can be there once.
    #[must_use]
    pub fn tag(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.with(|terms| drop(terms.tags.insert(name.into(), value.into())))
    }

    fn with(mut self, add: impl FnOnce(&mut SearchTerms)) -> Self {
        add(&mut self.0.terms);
        self
    }
}

/// A page of a search by terms.
#[derive(Debug)]
#[non_exhaustive]
pub struct SearchPage {
    /// The records, in the order that was asked for. One that does not open is an error in its place; the others are not
    /// harmed.
    pub records: Vec<Result<Record, Error>>,
    /// How many records the search finds in all: exact up to 10,000, which stands for all above.
    pub total: u64,
}

/// The results of a search by terms, page by page: a [`Stream`]. Pages are fetched as they are asked for, by their place in
/// the results: what is written or deleted meanwhile moves them. After a page that could not be fetched the stream ends.
pub struct SearchPages(Pin<Box<dyn Stream<Item = Result<SearchPage, Error>> + Send>>);

impl SearchPages {
    /// The results one by one. A record that does not open is an error in its place, and the next ones follow.
    pub fn records(self) -> Records {
        let flattened = self.0.map_ok(|page| futures_util::stream::iter(page.records)).try_flatten();
        Records(Box::pin(flattened))
    }
}

impl Stream for SearchPages {
    type Item = Result<SearchPage, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

impl Client {
    /// Searches records by terms. The first page is there even if nothing is found: it tells the total.
    pub fn search(&self, search: Search) -> SearchPages {
        let client = self.clone();
        SearchPages(Box::pin(async_stream::try_stream! {
            let mut request = search.request()?;
            loop {
                let (page, next) = client.search_page(&request).await?;
                yield page;
                if next == 0 {
                    break;
                }
                // A search that does not go forward would have no end.
                let next = i64::try_from(next).ok().filter(|next| *next > request.next_token);
                request.next_token = next.ok_or(UntrustedData::WrongAnswer("page"))?;
            }
        }))
    }

    async fn search_page(&self, request: &TermSearchRequest) -> Result<(SearchPage, u64), Error> {
        // A search only asks, although it is a POST.
        let http_request = Request::post(paths::TERM_SEARCH.to_owned()).harmless().json(request)?;
        let answer: TermSearchResponse = self.send(http_request).await?.json()?;
        let mut records = Vec::with_capacity(answer.results.len());
        for found in answer.results {
            let of_others = request.include_all_writers || request.include_only_groups;
            let record = if !of_others && found.meta.writer_id != self.id() {
                Err(UntrustedData::WrongAnswer("record").into())
            } else {
                let FoundRecord { meta, record_data, access_key, group_access_key, rec_sig, .. } = found;
                let listed = ListedRecord { meta, record_data, access_key, group_access_key, rec_sig };
                self.open_listed(listed, request.include_data).await
            };
            records.push(record);
        }
        Ok((SearchPage { records, total: answer.total_results }, answer.last_index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_that_cannot_be_are_the_callers_fault() {
        let many = (0..1001).fold(Terms::any(), |terms, n| terms.key(n.to_string()));
        for search in [
            Search::new().page_size(0),
            Search::new().page_size(MAX_TERM_SEARCH_LIMIT + 1),
            Search::new().matching(many),
        ] {
            assert!(matches!(search.request(), Err(Error::Caller(_))));
        }
    }
}
