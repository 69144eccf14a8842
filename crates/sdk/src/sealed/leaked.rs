//! What this client opens out of a server's database, if it comes into its hands: claim A, put to the test.

use tozstore_api::RecordData;
use tozstore_api::sealed::SealedTypeRows;
use tozstore_crypto::sealed::{FieldContent, PlacedWrap, VerifiedEntry};
use tozstore_crypto::{ClientId, RecordId, open_field};

use super::SealedClient;
use super::open_type::OpenType;
use super::records::names;
use crate::known_keys::KeySlot;
use crate::{Client, Error, Fields, UntrustedData};

/// A record in a server's database.
#[derive(Debug)]
pub struct LeakedRecord {
    /// Which.
    pub id: RecordId,
    /// Its version, counted from 1.
    pub version: u64,
    /// Its fields, if a key that this client has opens them.
    pub fields: Option<Vec<FieldContent>>,
}

impl SealedClient {
    /// Opens what it can of the rows of a type: with every key that it was ever given by this process, with its private
    /// keys, and along every link. It asks for no right: this is what a client can do that holds a copy of the server's
    /// database. Records that this client may not read any more open only if they were written before it was revoked.
    ///
    /// # Errors
    /// The log among the rows does not hold, or the server does not show the keys of its authors.
    pub async fn open_leaked(
        &self,
        writer: ClientId,
        record_type: &str,
        rows: &SealedTypeRows,
    ) -> Result<Vec<LeakedRecord>, Error> {
        let place = self.place(writer, record_type)?;
        let mut leaked = OpenType::new(place.clone());
        for view in &rows.entries {
            let entry = view.entry.object();
            let author = self.chain(entry.author, Some(&entry.author_bundle)).await?;
            let verified = VerifiedEntry::new(&view.entry, &author, &view.private).map_err(|error| {
                UntrustedData::SealedLogBroken {
                    record_type: record_type.to_owned(),
                    position: entry.position,
                    reason: error.to_string(),
                }
            })?;
            leaked.push(&verified)?;
        }
        let mut authors = Vec::new();
        for view in &rows.records {
            let version = view.record.version.object();
            authors.push(self.chain(version.author, Some(&version.author_bundle)).await?);
        }

        let open = self.open_type(&place);
        let mut open = open.lock().await;
        // The keys that it has go to the log that leaked, and back: nothing fails between.
        std::mem::swap(&mut open.ring, &mut leaked.ring);
        self.open_all_keys(&mut leaked, rows);
        let records = rows.records.iter().zip(&authors).map(|(view, author)| {
            let version = view.record.version.object();
            let opened = view.record.verify(&version.place, author).ok().and_then(|verified| {
                // Under its own epoch, or, should that be a name alone, under any other.
                let keys = leaked.log.epochs().iter().filter_map(|epoch| leaked.ring.key(&epoch.id()));
                let mut keys = keys.map(|key| key.wrapping_key(view.key.epoch()));
                let data_key = keys.find_map(|key| verified.open_data_key(&key, &view.key).ok())?;
                verified.open_fields(names(&leaked), &data_key).ok()
            });
            LeakedRecord { id: version.place.record, version: version.place.version, fields: opened }
        });
        let records = records.collect();
        std::mem::swap(&mut open.ring, &mut leaked.ring);
        Ok(records)
    }

    fn open_all_keys(&self, leaked: &mut OpenType, rows: &SealedTypeRows) {
        let private_key = self.0.keys.wrap_private_key();
        for step in &rows.wraps {
            let entry = usize::try_from(step.position).ok().and_then(|at| leaked.wraps.get(at).copied());
            let Some(entry) = entry else { continue };
            let (wrap, path) = (step.wrap.clone(), step.path.clone());
            let placed = PlacedWrap { position: step.position, index: step.index, wrap, path };
            // Those for others do not open: there is nothing to tell of them.
            leaked.ring.open_wrap(&leaked.log, &entry, &placed, &private_key).ok();
        }
        // From the newest on: each link opens an older key.
        let epochs: Vec<_> = leaked.log.epochs().to_vec();
        for newer in epochs.iter().rev() {
            let place = (newer.head.segment, newer.head.number);
            for (_, _, link) in rows.links.iter().filter(|(segment, number, _)| (*segment, *number) == place)
            {
                leaked.ring.follow_link(&leaked.log, newer, link).ok();
            }
        }
    }
}

impl Client {
    /// Opens the fields of an interop record out of a copy of a server's database, with the key of the type that this
    /// client holds. A revocation takes nothing from a client that has the key already: that is what sealed types are
    /// for.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it never had the key; [`UntrustedData::FieldUnreadable`] if a field does not open.
    pub async fn open_leaked(
        &self,
        writer: ClientId,
        record_type: &str,
        record: RecordId,
        data: &str,
    ) -> Result<Fields, Error> {
        let record_type = record_type.parse().map_err(|error| Error::Caller(format!("{error}")))?;
        let data: RecordData =
            serde_json::from_str(data).map_err(|_| UntrustedData::WrongAnswer("encoding"))?;
        let key = self.key_to_read(&KeySlot { writer, user: writer, record_type }, None).await?;
        let mut fields = Fields::default();
        for (name, sealed) in data.fields() {
            let value = open_field(&key.key, sealed)
                .map_err(|_| UntrustedData::FieldUnreadable { record, field: name.to_owned() })?;
            fields.insert_secret(name.to_owned(), value);
        }
        Ok(fields)
    }
}
