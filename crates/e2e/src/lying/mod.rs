//! The lying server: a proxy before the real one that plays the attacks of `docs/threat-model.md` against the real SDK,
//! and what is needed to say how each of them ended.
//!
//! The server behind the proxy keeps the rules, so what a lie needs beyond altered answers is made here: histories that
//! were forked are served from copies of its data ([`Stand::fork`]), and what a reader or delegate adds who works
//! together with the server is made with that client's own keys ([`Insider`]).

mod insider;
mod proxy;
mod stand;
mod table;
mod verdict;

pub use insider::{Insider, extend_log, next_entry, reseal, shown};
pub use proxy::{Answer, Asked, Liar};
pub use stand::{Fork, Kept, Party, Stand};
pub use table::{Format, Table};
pub use verdict::{Cell, Outcome, Tried, Verdict, judge, outcome};
