//! The lying server: each attack of `docs/threat-model.md` against the real SDK, in both formats. What the table there
//! says has to be what these runs find; `docs/testing.md` says how it is written anew.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

mod bundles;
mod completions;
mod fields;
mod files;
mod groups;
mod histories;
mod keys;
mod listings;
mod logs;
mod notes;
mod readers;
mod records;
mod requests;

use std::collections::BTreeMap;
use std::fmt;

use tozstore::{Client, Error, RecordAuthenticity, RecordId, SealedClient, UntrustedData};
use tozstore_e2e::lying::{Cell, Format, Liar, Party, Table, Tried, outcome};

/// The type in which most attacks are played.
const TYPE: &str = "note";

/// A test for each cell, and all of them by row.
macro_rules! measured {
    ($($row:literal $format:ident $noun:ident::$run:ident)*) => {
        const MEASURED: &[(u32, Format)] = &[$(($row, Format::$format)),*];

        $(
            #[tokio::test]
            async fn $run() {
                let found = $noun::$run().await.to_string();
                assert_eq!(Table::read().cells()[&($row, Format::$format)], found, "row {}", $row);
            }
        )*

        async fn measure(row: u32, format: Format) -> Cell {
            match (row, format) {
                $(($row, Format::$format) => Box::pin($noun::$run()).await,)*
                other => panic!("{other:?} is not measured"),
            }
        }
    };
}

measured! {
    1 Sealed keys::own_key_sealed
    1 Interop keys::own_key_interop
    2 Sealed keys::denied_sealed
    2 Interop keys::denied_interop
    3 Sealed keys::transposed_sealed
    3 Interop keys::transposed_interop
    4 Sealed keys::handed_back_sealed
    4 Interop keys::handed_back_interop
    5 Sealed readers::first_contact_sealed
    5 Interop readers::first_contact_interop
    6 Sealed readers::later_sealed
    6 Interop readers::later_interop
    7 Sealed readers::added_sealed
    7 Interop readers::added_interop
    8 Sealed readers::kept_sealed
    8 Interop readers::kept_interop
    9 Sealed histories::removal_withheld_sealed
    9 Interop histories::removal_withheld_interop
    10 Sealed histories::rotation_withheld_sealed
    10 Interop histories::rotation_withheld_interop
    11 Sealed histories::old_epoch_sealed
    12 Sealed logs::differing_key_sealed
    12 Interop keys::differing_key_interop
    13 Sealed fields::swapped_sealed
    13 Interop fields::swapped_interop
    14 Sealed fields::dropped_sealed
    14 Interop fields::dropped_interop
    15 Sealed records::exchanged_sealed
    15 Interop records::exchanged_interop
    16 Sealed records::replayed_sealed
    16 Interop records::replayed_interop
    17 Sealed records::said_deleted_sealed
    17 Interop records::said_deleted_interop
    18 Sealed records::undone_sealed
    18 Interop records::undone_interop
    19 Sealed listings::hidden_sealed
    19 Interop listings::hidden_interop
    20 Sealed fields::plain_sealed
    20 Interop fields::plain_interop
    21 Sealed records::forged_by_server_sealed
    21 Interop records::forged_by_server_interop
    22 Sealed records::forged_by_reader_sealed
    22 Interop records::forged_by_reader_interop
    23 Sealed records::backdated_sealed
    23 Interop records::backdated_interop
    24 Sealed completions::carried_over_sealed
    25 Interop notes::forged_interop
    26 Interop notes::old_interop
    27 Interop notes::views_interop
    28 Interop files::chunks_interop
    29 Sealed requests::downgrade_sealed
    30 Sealed histories::fork_sealed
    30 Interop histories::fork_interop
    31 Sealed logs::staged_sealed
    34 Interop groups::member_added_interop
    36 Sealed requests::changed_sealed
    36 Interop requests::changed_interop
    37 Sealed requests::guessed_sealed
    37 Interop requests::guessed_interop
    38 Sealed requests::purpose_sealed
    40 Sealed completions::old_keys_sealed
    41 Sealed histories::went_on_sealed
    42 Sealed histories::lost_race_sealed
    42 Interop histories::lost_race_interop
    43 Sealed logs::editors_removal_sealed
    43 Interop records::editors_removal_interop
    44 Sealed logs::broken_wraps_sealed
    45 Sealed completions::rubbish_sealed
    46 Sealed records::older_epoch_sealed
    48 Sealed bundles::restored_sealed
    52 Sealed bundles::broken_sealed
    52 Interop bundles::broken_interop
    53 Sealed bundles::thief_sealed
    54 Sealed requests::no_keys_sealed
    55 Sealed logs::private_withheld_sealed
    57 Sealed bundles::strangers_sealed
}

/// Cells of which nothing is run: what is not built yet, with what is expected of it, and what has no meaning.
const NOT_RUN: &[(u32, Format, &str)] = &[
    (11, Format::Interop, "no epochs"),
    (24, Format::Interop, "-"),
    (25, Format::Sealed, "not built yet (detected with a pinned writer; else first contact, said so)"),
    (26, Format::Sealed, "not built yet (once pinned or seen)"),
    (27, Format::Sealed, "not built yet (not detectable without a log)"),
    (28, Format::Sealed, "not built yet (detected)"),
    (29, Format::Interop, "-"),
    (31, Format::Interop, "-"),
    (32, Format::Sealed, "not built yet (detected)"),
    (32, Format::Interop, "-"),
    (33, Format::Sealed, "not built yet (shown, asks; never below a remembered epoch)"),
    (33, Format::Interop, "-"),
    (34, Format::Sealed, "not built yet (detected)"),
    (35, Format::Sealed, "not built yet (once seen; else not detectable without a log)"),
    (35, Format::Interop, "no rotation"),
    (38, Format::Interop, "not run (possible where an application signs for others)"),
    (39, Format::Sealed, "not run (no effect, under the conditions of sealed.md section 17)"),
    (39, Format::Interop, "not run (opens)"),
    (40, Format::Interop, "-"),
    (41, Format::Interop, "-"),
    (44, Format::Interop, "-"),
    (45, Format::Interop, "-"),
    (46, Format::Interop, "-"),
    (47, Format::Sealed, "not built yet (detected if compared; else not detectable without a log)"),
    (47, Format::Interop, "-"),
    (48, Format::Interop, "-"),
    (49, Format::Sealed, "not built yet (no effect: nobody wraps to a restored group before it is settled)"),
    (49, Format::Interop, "-"),
    (50, Format::Sealed, "not built yet (not detectable, unless they were signed)"),
    (50, Format::Interop, "as 13"),
    (51, Format::Sealed, "not built yet (limited: 10 in a day)"),
    (51, Format::Interop, "-"),
    (53, Format::Interop, "-"),
    (54, Format::Interop, "-"),
    (55, Format::Interop, "-"),
    (
        56,
        Format::Sealed,
        "not built yet (refused by an honest server; else detected by who reads that group's log)",
    ),
    (56, Format::Interop, "-"),
    (57, Format::Interop, "-"),
];

#[test]
fn every_cell_of_the_table_is_measured_or_says_why_not() {
    let table = Table::read();
    let mut all: Vec<_> = MEASURED.to_vec();
    for (row, format, text) in NOT_RUN {
        assert_eq!(table.cells()[&(*row, *format)], *text, "row {row}");
        all.push((*row, *format));
    }
    all.sort_unstable();
    assert_eq!(all, table.cells().keys().copied().collect::<Vec<_>>());
}

/// With `TOZSTORE_WRITE_TABLE=1`: runs everything, and writes what it finds into the document.
#[tokio::test]
#[ignore = "writes docs/threat-model.md"]
async fn write_the_table() {
    // Whoever runs all ignored tests wants no document changed.
    if std::env::var_os("TOZSTORE_WRITE_TABLE").is_none() {
        return;
    }
    let not_run = NOT_RUN.iter().map(|(row, format, text)| ((*row, *format), (*text).to_owned()));
    let mut cells: BTreeMap<_, _> = not_run.collect();
    for (row, format) in MEASURED {
        let cell = measure(*row, *format).await.to_string();
        println!("{row} {format:?}: {cell}");
        cells.insert((*row, *format), cell);
    }
    Table::read().write(&cells);
}

/// What a client makes of a lie in a sealed type: as a newcomer, and with its memory.
async fn sealed<T: fmt::Debug>(
    liar: &Liar,
    party: &Party,
    act: impl AsyncFn(&SealedClient) -> Result<T, Error>,
    is_deceived: impl Fn(&Result<T, Error>) -> bool,
) -> Tried {
    let fresh = outcome(act(&party.fresh(liar).await).await, &is_deceived);
    let seen = outcome(act(&party.seen(liar).await).await, &is_deceived);
    Tried { fresh, seen }
}

/// The same, of the interop format.
async fn interop<T: fmt::Debug>(
    liar: &Liar,
    party: &Party,
    act: impl AsyncFn(&Client) -> Result<T, Error>,
    is_deceived: impl Fn(&Result<T, Error>) -> bool,
) -> Tried {
    let fresh = outcome(act(&party.interop_fresh(liar)).await, &is_deceived);
    let seen = outcome(act(&party.interop_seen(liar)).await, &is_deceived);
    Tried { fresh, seen }
}

/// Several lies that have to end in the same way.
fn all(tried: impl IntoIterator<Item = Tried>) -> Tried {
    let tried: Vec<_> = tried.into_iter().collect();
    assert!(tried.windows(2).all(|two| two[0] == two[1]), "{tried:?}");
    tried[0]
}

/// Reads a record of an application that takes signed ones alone.
async fn read_checked(client: &Client, record: RecordId) -> Result<tozstore::Record, Error> {
    let read = client.read(record).await?;
    match client.verify_signature(&read).await? {
        RecordAuthenticity::Verified => Ok(read),
        RecordAuthenticity::Unsigned => Err(UntrustedData::SignatureFalse { record }.into()),
    }
}
