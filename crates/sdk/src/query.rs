//! Searching records by who wrote them, what they are, and their plain metadata.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use tozstore_api::{MAX_SEARCH_COUNT, PlainExpression, RecordType, SearchRequest, SearchResponse, paths};
use tozstore_crypto::{ClientId, RecordId};

use crate::transport::Request;
use crate::{Client, Error, Record, UntrustedData};

/// What to search for. All filters that are given must hold; one value of each is enough.
///
/// The server does the search, so it can only be for what the server reads: type, writer, plain metadata.
#[derive(Clone, Debug)]
pub struct Query {
    types: Vec<String>,
    writers: Vec<ClientId>,
    all_writers: bool,
    users: Vec<ClientId>,
    records: Vec<RecordId>,
    plain: Option<PlainExpression>,
    page_size: usize,
    with_data: bool,
    after_index: u64,
}

const DEFAULT_PAGE_SIZE: usize = 100;

impl Query {
    /// All of this client's own records, with their data, in pages of 100.
    pub fn new() -> Self {
        Self {
            types: Vec::new(),
            writers: Vec::new(),
            all_writers: false,
            users: Vec::new(),
            records: Vec::new(),
            plain: None,
            page_size: DEFAULT_PAGE_SIZE,
            with_data: true,
            after_index: 0,
        }
    }

    /// Records of one of these types.
    #[must_use]
    pub fn types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.types.extend(types.into_iter().map(Into::into));
        self
    }

    /// Records of one of these writers, as far as they are shared with this client.
    #[must_use]
    pub fn writers(mut self, writers: impl IntoIterator<Item = ClientId>) -> Self {
        self.writers.extend(writers);
        self
    }

    /// Records of every writer that shares with this client, and its own.
    #[must_use]
    pub fn all_writers(mut self) -> Self {
        self.all_writers = true;
        self
    }

    /// Records about one of these users.
    #[must_use]
    pub fn users(mut self, users: impl IntoIterator<Item = ClientId>) -> Self {
        self.users.extend(users);
        self
    }

    /// These records.
    #[must_use]
    pub fn records(mut self, records: impl IntoIterator<Item = RecordId>) -> Self {
        self.records.extend(records);
        self
    }

    /// Records whose plain metadata fulfil this. A second expression must hold as well.
    #[must_use]
    pub fn plain(mut self, expression: PlainExpression) -> Self {
        self.plain = Some(match self.plain {
            None => expression,
            Some(first) => PlainExpression::And(vec![first, expression]),
        });
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
        self.with_data = with_data;
        self
    }

    /// Records behind this place: the [`last_index`](Page::last_index) of a page.
    #[must_use]
    pub fn after_index(mut self, after_index: u64) -> Self {
        self.after_index = after_index;
        self
    }

    fn request(&self) -> Result<SearchRequest, Error> {
        if !(1..=MAX_SEARCH_COUNT).contains(&self.page_size) {
            return Err(Error::Caller(format!("a page has 1 to {MAX_SEARCH_COUNT} records")));
        }
        if self.all_writers && !self.writers.is_empty() {
            return Err(Error::Caller("ask for certain writers or for all, not for both".to_owned()));
        }
        let types = self.types.iter().map(|text| Client::checked_type(text));
        let request = SearchRequest {
            count: self.page_size as i64,
            include_data: self.with_data,
            writer_ids: self.writers.clone(),
            user_ids: self.users.clone(),
            record_ids: self.records.clone(),
            content_types: types.collect::<Result<Vec<RecordType>, _>>()?,
            plain: self.plain.clone(),
            after_index: 0,
            include_all_writers: self.all_writers,
        };
        if request.within_limits() {
            Ok(request)
        } else {
            Err(Error::Caller("a filter has too many values".to_owned()))
        }
    }
}

impl Default for Query {
    fn default() -> Self {
        Self::new()
    }
}

/// A page of results.
#[derive(Debug)]
#[non_exhaustive]
pub struct Page {
    /// The records, oldest first. One that does not open is an error in its place; the others are not harmed.
    pub records: Vec<Result<Record, Error>>,
    /// Where the next page begins, for [`Query::after_index`].
    pub last_index: u64,
}

/// The results of a search, page by page: a [`Stream`]. Pages are fetched as they are asked for. After a page that
/// could not be fetched the stream ends.
pub struct Pages(Pin<Box<dyn Stream<Item = Result<Page, Error>> + Send>>);

impl Pages {
    /// The results one by one. A record that does not open is an error in its place, and the next ones follow.
    pub fn records(self) -> Records {
        let flattened = self.0.map_ok(|page| futures_util::stream::iter(page.records)).try_flatten();
        Records(Box::pin(flattened))
    }
}

impl Stream for Pages {
    type Item = Result<Page, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

/// The results of a search, one by one: a [`Stream`].
pub struct Records(pub(crate) Pin<Box<dyn Stream<Item = Result<Record, Error>> + Send>>);

impl Stream for Records {
    type Item = Result<Record, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

impl Client {
    /// Searches records.
    pub fn query(&self, query: Query) -> Pages {
        let client = self.clone();
        Pages(Box::pin(async_stream::try_stream! {
            let mut request = query.request()?;
            let mut last_index = query.after_index;
            loop {
                request.after_index = i64::try_from(last_index).map_err(|_| Error::Caller("no such index".to_owned()))?;
                let page = client.query_page(&request).await?;
                if page.records.is_empty() {
                    break;
                }
                // A search that does not go forward would have no end.
                if page.last_index <= last_index {
                    Err(UntrustedData::WrongAnswer("page"))?;
                }
                last_index = page.last_index;
                yield page;
            }
        }))
    }

    async fn query_page(&self, request: &SearchRequest) -> Result<Page, Error> {
        // A search only asks, although it is a POST.
        let http_request = Request::post(paths::SEARCH.to_owned()).harmless().json(request)?;
        let answer: SearchResponse = self.send(http_request).await?.json()?;
        let mut records = Vec::with_capacity(answer.results.len());
        for listed in answer.results {
            let meta = &listed.meta;
            let other_type =
                !request.content_types.is_empty() && !request.content_types.contains(&meta.record_type);
            let other_writer = if request.writer_ids.is_empty() {
                !request.include_all_writers && meta.writer_id != self.id()
            } else {
                !request.writer_ids.contains(&meta.writer_id)
            };
            let record = if other_type || other_writer {
                Err(UntrustedData::WrongAnswer("record").into())
            } else {
                self.open_listed(listed, request.include_data).await
            };
            records.push(record);
        }
        Ok(Page { records, last_index: answer.last_index })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_that_cannot_be_are_the_callers_fault() {
        let id = "a1111111-1111-4111-8111-111111111111".parse().unwrap();
        for query in [
            Query::new().page_size(0),
            Query::new().page_size(MAX_SEARCH_COUNT + 1),
            Query::new().all_writers().writers([id]),
            Query::new().types([""]),
        ] {
            assert!(matches!(query.request(), Err(Error::Caller(_))), "{query:?}");
        }
    }

    #[test]
    fn two_expressions_must_both_hold() {
        let equal = |name: &str| PlainExpression::Eq { name: name.to_owned(), value: String::new() };
        let request = Query::new().plain(equal("a")).plain(equal("b")).request().unwrap();
        assert_eq!(request.plain, Some(PlainExpression::And(vec![equal("a"), equal("b")])));
    }
}
