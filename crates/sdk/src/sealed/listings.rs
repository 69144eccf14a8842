//! Listings of sealed records, and what was seen before and is left out of them.

use std::collections::BTreeMap;

use tozstore_api::paths;
use tozstore_api::sealed::{MAX_RECORDS_PER_READ, ReadRecords, RecordPage, RecordViews};
use tozstore_crypto::sealed::Backwards;
use tozstore_crypto::{ClientId, RecordId};

use super::open_type::OpenType;
use super::{SealedClient, SealedRecord, backwards};
use crate::{Error, UntrustedData};

/// A page of records.
#[derive(Debug)]
pub struct SealedPage {
    /// The records.
    pub records: Vec<SealedRecord>,
    /// Where the next page begins; none if this was the last.
    pub next: Option<u64>,
}

/// A listing from the first page on, as far as it came.
pub(super) struct Listing {
    /// Where the next page begins.
    next: u64,
    /// Records that were there before, and did not come yet, with their versions.
    missing: BTreeMap<RecordId, u64>,
}

impl SealedClient {
    /// A page of records of a type, those that were written last at the end.
    ///
    /// Whoever lists from the first page to the last is told if one is left out that this client has seen before.
    ///
    /// # Errors
    /// As for [`Self::read`]. A record that does not hold fails the page; one that is left out the last page.
    pub async fn list(&self, writer: ClientId, record_type: &str, after: u64) -> Result<SealedPage, Error> {
        let place = self.place(writer, record_type)?;
        let open = self.open_type(&place);
        let mut open = open.lock().await;
        self.follow_once(&mut open).await?;
        // Before the page is asked for: what comes to be known later need not be on it.
        let under_way = open.listing.take().filter(|listing| after != 0 && listing.next == after);
        let mut missing = match under_way {
            Some(listing) => Some(listing.missing),
            None => (after == 0).then(|| self.state().live_records(&place).collect()),
        };
        let page = paths::SealedRecordsPage { after, ..Default::default() };
        let page: RecordPage = self
            .get(paths::sealed_records_page(writer, &place.type_name, page))
            .await
            .map_err(|refusal| refusal.naming("this sealed type"))?;
        if page.next != 0 && page.next <= after {
            return Err(UntrustedData::WrongAnswer("page").into());
        }
        let mut records = Vec::new();
        for view in &page.records {
            let record = self.open_view(&mut open, None, view).await?;
            if let Some(missing) = &mut missing {
                missing.remove(&record.id());
            }
            records.push(record);
        }
        match (missing, page.next) {
            (Some(missing), 0) => self.ensure_gone(&mut open, &missing).await?,
            (Some(missing), next) => open.listing = Some(Listing { next, missing }),
            (None, _) => {}
        }
        self.save_state()?;
        Ok(SealedPage { records, next: Some(page.next).filter(|next| *next != 0) })
    }

    /// What a listing left out has to be deleted, which its writer has signed.
    async fn ensure_gone(&self, open: &mut OpenType, missing: &BTreeMap<RecordId, u64>) -> Result<(), Error> {
        if missing.is_empty() {
            return Ok(());
        }
        // One's own grant may begin later than it did.
        self.follow(open).await?;
        if !self.reads_all(open) {
            return Ok(());
        }
        let place = open.place().clone();
        let target = paths::sealed_records_read(place.writer, &place.type_name);
        let missing: Vec<_> = missing.iter().map(|(record, version)| (*record, *version)).collect();
        let mut rest = &missing[..];
        while !rest.is_empty() {
            let asked: Vec<_> = rest.iter().take(MAX_RECORDS_PER_READ).map(|(record, _)| *record).collect();
            let RecordViews(views) = self
                .post(target.clone(), &ReadRecords(asked))
                .await
                .map_err(|refusal| refusal.naming("this sealed type"))?;
            let is_answer = views.iter().zip(rest).all(|((shown, _), (asked, _))| shown == asked);
            if views.is_empty() || views.len() > rest.len() || !is_answer {
                return Err(UntrustedData::WrongAnswer("list of records").into());
            }
            for ((record, view), (_, version)) in views.iter().zip(rest) {
                let is_gone = match view {
                    Some(view) => self.open_view(open, Some(*record), view).await?.is_deleted(),
                    None => false,
                };
                if !is_gone {
                    let source = Backwards::RolledBack { expected: *version, shown: 0 };
                    return Err(backwards(format!("record {record}, which the listing leaves out"), source));
                }
            }
            rest = rest.get(views.len()..).unwrap_or_default();
        }
        Ok(())
    }
}
