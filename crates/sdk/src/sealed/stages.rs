//! Entries on their way to the server: in one piece, or with their wraps in pages, in force with one commit.

use http::Method;
use tozstore_api::paths;
use tozstore_api::sealed::{
    Append, Head, MAX_WRAPS_IN_ONE_PIECE, MAX_WRAPS_PER_PAGE, MissingWraps, OpenedBeneath, SealedErrorCode,
    Stage, StageCommit, StageState, WrapPage,
};
use tozstore_crypto::sealed::{LogEntry, PreparedEntry, Signed, TypePlace, Wrap};

use super::wire::Refusal;
use super::{SealedClient, encoded};
use crate::{Error, UntrustedData};

/// Bytes of a page, about; a body has at most 8 MiB.
const PAGE_BYTES: usize = 2 << 20;
/// Times that missing pages are sent.
const MAX_ROUNDS: usize = 3;

impl SealedClient {
    /// Sends an entry with all that lies beside it. Of one that comes in pages the signature goes last: what is not in
    /// force yet is not signed as far as anybody can show.
    pub(super) async fn send_entry(
        &self,
        place: &TypePlace,
        prepared: &PreparedEntry,
        signed: &Signed<LogEntry>,
    ) -> Result<Head, Refusal> {
        let beneath = prepared.beneath.clone().map(|(blind, lines)| OpenedBeneath { blind, lines });
        let (private, links) = (prepared.private.clone(), prepared.links.clone());
        if prepared.wraps.len() <= MAX_WRAPS_IN_ONE_PIECE {
            let (entry, wraps) = (signed.clone(), prepared.wraps.clone());
            let append = Append { entry, private, beneath, links, wraps };
            return self.post(paths::sealed_log(place.writer, &place.type_name), &append).await;
        }
        let stage = Stage { entry: prepared.entry.clone(), private, beneath, links };
        let target = paths::sealed_log_stages(place.writer, &place.type_name);
        self.send(Method::POST, target, encoded(&stage)?).await?;
        let sent = self.send_pages(prepared, signed).await;
        if sent.as_ref().is_err_and(|refusal| refusal.status.is_some()) {
            // Nobody commits it any more. If this does not get there, the server sweeps it.
            let target = paths::sealed_stage(signed.digest());
            self.send(Method::DELETE, target, Vec::new()).await.ok();
        }
        sent
    }

    async fn send_pages(&self, prepared: &PreparedEntry, signed: &Signed<LogEntry>) -> Result<Head, Refusal> {
        let digest = signed.digest();
        let per_page = wraps_per_page(&prepared.wraps)?;
        let mut missing = vec![MissingWraps { first: 0, count: prepared.entry.object().wrap_count }];
        for _ in 0..MAX_ROUNDS {
            for gap in &missing {
                for (first, page) in pages(&prepared.wraps, gap, per_page) {
                    self.put(paths::sealed_stage_wraps(digest, first), &WrapPage(page)).await?;
                }
            }
            let commit = StageCommit(*signed.signature());
            match self.post(paths::sealed_stage_commit(digest), &commit).await {
                Err(refusal) if refusal.code() == Some(SealedErrorCode::StageIncomplete) => {
                    let state: StageState = self.get(paths::sealed_stage(digest)).await?;
                    missing = state.missing;
                }
                sent => return sent,
            }
        }
        Err(Error::from(UntrustedData::WrongAnswer("stage")).into())
    }
}

/// The wraps of a gap in pages, each with the place of its first.
fn pages(wraps: &[Wrap], gap: &MissingWraps, per_page: u32) -> Vec<(u32, Vec<Wrap>)> {
    let at = |place: u32| usize::try_from(place).unwrap_or(usize::MAX).min(wraps.len());
    let end = gap.first.saturating_add(gap.count);
    let firsts = (gap.first..end).step_by(at(per_page).max(1));
    let page = |first: u32| wraps.get(at(first)..at(first.saturating_add(per_page).min(end)));
    firsts.filter_map(|first| Some((first, page(first)?.to_vec()))).collect()
}

/// How many wraps of these make a page: they have the keys of as many segments as their readers may read.
fn wraps_per_page(wraps: &[Wrap]) -> Result<u32, Error> {
    let Some(longest) = wraps.iter().min_by_key(|wrap| wrap.from_segment) else { return Ok(1) };
    let bytes = encoded(&WrapPage(vec![longest.clone()]))?.len();
    Ok(u32::try_from((PAGE_BYTES / bytes).clamp(1, MAX_WRAPS_PER_PAGE)).unwrap_or(1))
}
