//! How often somebody may ask: token buckets by client, by account, and by address for those who are neither.
//!
//! They are this process's own. Where several processes share the load, each takes its part of the rates
//! ([`RatesConfig::processes`]). So what one caller may do in all lies between one part, if all its requests come to one
//! process, and the whole. What must not be exceeded by anybody, quotas and failed logins, is not counted here.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use tozstore_crypto::{AccountId, ClientId};

use crate::config::RatesConfig;

/// Callers that are kept in mind. One that is not, since all others are busy, is not limited.
const MOST_CALLERS: usize = 1 << 17;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// All clients of an account together, and its sessions.
    Account(AccountId),
    /// Whoever sends from an address without having proven who it is. Of an IPv6 address, the network counts.
    Address(IpAddr),
    /// One client.
    Client(ClientId),
}

impl Caller {
    /// Whoever sends from this address.
    pub fn at(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(address) => {
                // A household has a network of 2^64 addresses.
                let network = u128::from(address) >> 64 << 64;
                IpAddr::V6(Ipv6Addr::from(network))
            }
            address => address,
        })
    }
}

/// The buckets.
#[derive(Debug)]
pub struct Rates {
    config: RatesConfig,
    buckets: Mutex<HashMap<Caller, Bucket>>,
    /// Clients do not change accounts.
    accounts: Mutex<HashMap<ClientId, AccountId>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    requests: f64,
    filled_us: i64,
}

/// A rate, and how many requests may come at once.
#[derive(Clone, Copy, Debug)]
struct Rate {
    per_s: f64,
    burst: f64,
}

impl Rates {
    /// Full buckets.
    pub fn new(config: &RatesConfig) -> Self {
        Self { config: config.clone(), buckets: Mutex::default(), accounts: Mutex::default() }
    }

    /// Takes one request of a caller out of its bucket.
    ///
    /// # Errors
    /// Seconds until there is room for one.
    pub fn take(&self, caller: Caller, now_us: i64) -> Result<(), u64> {
        let Some(rate) = self.rate(caller) else { return Ok(()) };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST_CALLERS && !buckets.contains_key(&caller) {
            buckets.retain(|caller, bucket| {
                self.rate(*caller).is_some_and(|rate| bucket.at(now_us, rate).requests < rate.burst)
            });
            if buckets.len() >= MOST_CALLERS {
                return Ok(());
            }
        }
        let bucket = match buckets.entry(caller) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Bucket { requests: rate.burst, filled_us: now_us }),
        };
        *bucket = bucket.at(now_us, rate);
        if bucket.requests < 1.0 {
            return Err(((1.0 - bucket.requests) / rate.per_s).ceil() as u64);
        }
        bucket.requests -= 1.0;
        Ok(())
    }

    /// Whether clients and accounts are limited at all.
    pub const fn limits_clients(&self) -> bool {
        self.config.client_per_s > 0 || self.config.account_per_s > 0
    }

    /// The account of a client, if it was told.
    pub fn account_of(&self, client: ClientId) -> Option<AccountId> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).get(&client).copied()
    }

    /// Keeps the account of a client in mind.
    pub fn tell_account(&self, client: ClientId, account: AccountId) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= MOST_CALLERS {
            accounts.clear();
        }
        accounts.insert(client, account);
    }

    fn rate(&self, caller: Caller) -> Option<Rate> {
        let config = &self.config;
        let (per_s, burst) = match caller {
            Caller::Account(_) => (config.account_per_s, config.account_burst),
            Caller::Address(_) => (config.address_per_s, config.address_burst),
            Caller::Client(_) => (config.client_per_s, config.client_burst),
        };
        let part = |whole: u32| f64::from(whole) / f64::from(config.processes.max(1));
        (per_s > 0).then(|| Rate { per_s: part(per_s), burst: part(burst).max(1.0) })
    }
}

impl Bucket {
    /// The bucket as it is filled by now. A clock that was set back fills nothing, and holds nothing up.
    fn at(self, now_us: i64, rate: Rate) -> Self {
        let seconds = now_us.saturating_sub(self.filled_us).max(0) as f64 / 1_000_000.0;
        Self { requests: (self.requests + seconds * rate.per_s).min(rate.burst), filled_us: now_us }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    fn rates(per_s: u32, burst: u32, processes: u32) -> Rates {
        let config =
            RatesConfig { client_per_s: per_s, client_burst: burst, processes, ..RatesConfig::default() };
        Rates::new(&config)
    }

    fn client(n: u8) -> Caller {
        Caller::Client(ClientId::from_bytes([n; 16]))
    }

    /// How many requests pass at a moment.
    fn passing(rates: &Rates, caller: Caller, now_us: i64) -> usize {
        (0..1000).take_while(|_| rates.take(caller, now_us).is_ok()).count()
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let rates = rates(10, 30, 1);
        assert_eq!(passing(&rates, client(1), 0), 30);
        assert_eq!(rates.take(client(1), 0), Err(1));
        assert_eq!(passing(&rates, client(1), S), 10);
        assert_eq!(passing(&rates, client(1), 100 * S), 30);
        // Another is not concerned, and a clock that is set back is no way around.
        assert_eq!(passing(&rates, client(2), 100 * S), 30);
        assert_eq!(passing(&rates, client(1), 0), 0);
        assert_eq!(passing(&rates, client(1), S), 10);
    }

    #[test]
    fn a_slow_rate_tells_how_long_to_wait() {
        let rates = rates(1, 1, 4);
        assert_eq!(rates.take(client(1), 0), Ok(()));
        assert_eq!(rates.take(client(1), 0), Err(4));
        assert_eq!(rates.take(client(1), 3 * S), Err(1));
        assert_eq!(rates.take(client(1), 4 * S), Ok(()));
    }

    #[test]
    fn processes_take_their_part_and_nothing_is_no_limit() {
        assert_eq!(passing(&rates(10, 30, 3), client(1), 0), 10);
        assert_eq!(passing(&rates(0, 30, 1), client(1), 0), 1000);
    }

    #[test]
    fn addresses_of_one_network_count_together() {
        let at = |text: &str| Caller::at(text.parse().unwrap());
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:2"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_ne!(at("192.0.2.1"), at("192.0.2.2"));
        assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
    }
}
