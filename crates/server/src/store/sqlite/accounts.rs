//! Accounts and login challenges in SQLite.

use rusqlite::{Error, Row, params};
use tozstore_api::Timestamp;
use tozstore_crypto::AccountId;

use super::columns::{column, row_limit};
use super::error::unless_taken;
use super::tx::{Tx, Writing};
use crate::store::{
    AccountReads, AccountRow, AccountSalts, AccountWrites, ChallengeRow, LOCAL_REGION, StoreError, UsageOwner,
};

macro_rules! account_columns {
    () => {
        "account_id, email_key, email, name, salt_auth, salt_enc, salt_paper_auth, salt_paper_enc, signing_key, \
         paper_signing_key, company, plan, public_key, account_signing_key, queen_id, meta, created, \
         tokens_valid_after, kept_token"
    };
}

impl<R> AccountReads for Tx<'_, R> {
    fn account(&self, id: AccountId) -> Result<Option<AccountRow>, StoreError> {
        let sql = concat!("SELECT ", account_columns!(), " FROM accounts WHERE account_id = ?1");
        self.one(sql, [id.as_bytes()], read_account)
    }

    fn account_by_email(&self, email_key: &str) -> Result<Option<AccountRow>, StoreError> {
        let sql = concat!("SELECT ", account_columns!(), " FROM accounts WHERE email_key = ?1");
        self.one(sql, [email_key], read_account)
    }
}

impl AccountWrites for Tx<'_, Writing<'_>> {
    fn insert_account(&mut self, row: &AccountRow) -> Result<(), StoreError> {
        let sql = concat!(
            "INSERT INTO accounts (",
            account_columns!(),
            ", position, region) VALUES \
             (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)"
        );
        let position = self.next_position()?;
        self.insert(
            "the account",
            sql,
            params![
                row.id.as_bytes(),
                row.email_key,
                row.email,
                row.name,
                row.salts.auth,
                row.salts.enc,
                row.salts.paper_auth,
                row.salts.paper_enc,
                row.signing_key.to_json(),
                row.paper_signing_key.to_json(),
                row.company,
                row.plan,
                row.public_key.to_json(),
                row.account_signing_key.to_json(),
                row.queen.as_bytes(),
                row.meta,
                row.created.micros(),
                row.tokens_valid_after.micros(),
                row.kept_token.map(Timestamp::micros),
                position,
                LOCAL_REGION,
            ],
        )
    }

    fn update_account(&mut self, row: &AccountRow) -> Result<(), StoreError> {
        let sql = concat!(
            "UPDATE accounts SET (",
            account_columns!(),
            ") = (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19) \
             WHERE account_id = ?1"
        );
        let result = self.statement(sql)?.execute(params![
            row.id.as_bytes(),
            row.email_key,
            row.email,
            row.name,
            row.salts.auth,
            row.salts.enc,
            row.salts.paper_auth,
            row.salts.paper_enc,
            row.signing_key.to_json(),
            row.paper_signing_key.to_json(),
            row.company,
            row.plan,
            row.public_key.to_json(),
            row.account_signing_key.to_json(),
            row.queen.as_bytes(),
            row.meta,
            row.created.micros(),
            row.tokens_valid_after.micros(),
            row.kept_token.map(Timestamp::micros),
        ]);
        if result == Ok(0) {
            return Err(StoreError::Missing("the account"));
        }
        unless_taken(result, "an account with this e-mail address")
    }

    fn delete_account(&mut self, id: AccountId) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM accounts WHERE account_id = ?1",
            "DELETE FROM login_challenges WHERE account_id = ?1",
            "DELETE FROM registration_tokens WHERE account_id = ?1",
            "DELETE FROM hook_deliveries WHERE hook IN (SELECT position FROM hooks WHERE account_id = ?1)",
            "DELETE FROM hooks WHERE account_id = ?1",
        ] {
            self.execute(sql, [id.as_bytes()])?;
        }
        self.delete_usage(UsageOwner::Account(id))
    }

    fn insert_challenge(&mut self, row: &ChallengeRow) -> Result<(), StoreError> {
        let position = self.next_position()?;
        self.insert(
            "the challenge",
            "INSERT INTO login_challenges (position, hash, account_id, region, expires) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![position, row.hash, row.account_id.as_bytes(), LOCAL_REGION, row.expires.micros()],
        )
    }

    fn take_challenge(&mut self, hash: &[u8; 32]) -> Result<Option<ChallengeRow>, StoreError> {
        let sql = "DELETE FROM login_challenges WHERE hash = ?1 RETURNING hash, account_id, expires";
        self.one(sql, [hash], |row| {
            Ok(ChallengeRow { hash: row.get(0)?, account_id: column(row, 1)?, expires: column(row, 2)? })
        })
    }

    fn delete_expired_challenges(&mut self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.execute(
            "DELETE FROM login_challenges WHERE position IN \
             (SELECT position FROM login_challenges WHERE expires <= ?1 ORDER BY expires LIMIT ?2)",
            params![now.micros(), row_limit(limit)],
        )
    }
}

fn read_account(row: &Row<'_>) -> Result<AccountRow, Error> {
    Ok(AccountRow {
        id: column(row, 0)?,
        email_key: row.get(1)?,
        email: row.get(2)?,
        name: row.get(3)?,
        salts: AccountSalts {
            auth: row.get(4)?,
            enc: row.get(5)?,
            paper_auth: row.get(6)?,
            paper_enc: row.get(7)?,
        },
        signing_key: column(row, 8)?,
        paper_signing_key: column(row, 9)?,
        company: row.get(10)?,
        plan: row.get(11)?,
        public_key: column(row, 12)?,
        account_signing_key: column(row, 13)?,
        queen: column(row, 14)?,
        meta: row.get(15)?,
        created: column(row, 16)?,
        tokens_valid_after: column(row, 17)?,
        kept_token: row.get::<_, Option<i64>>(18)?.map(Timestamp::from_micros),
    })
}
