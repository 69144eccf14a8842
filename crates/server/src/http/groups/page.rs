//! Queries of listings, and tokens of their pages. Official clients spell both in two ways, and send zero or nothing
//! for what they do not set.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use tozstore_api::{DEFAULT_GROUP_PAGE, MAX_GROUP_LOOKUPS, MAX_GROUP_PAGE};

use crate::http::Error;

/// Token of the last page, where tokens are texts.
pub(super) const LAST_PAGE: &str = "0";

/// The parameters of a listing.
pub(super) struct ListQuery(Vec<(String, String)>);

impl ListQuery {
    /// Reads a query. What is not UTF-8 once decoded names nothing, and is left out.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Error> {
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let pairs: Vec<_> = pairs
            .filter_map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Some((decode(name)?.into_owned(), value.to_owned()))
            })
            .take(MAX_GROUP_LOOKUPS + 1)
            .collect();
        if pairs.len() > MAX_GROUP_LOOKUPS {
            return Err(Error::bad_request(format!("a query has at most {MAX_GROUP_LOOKUPS} parameters")));
        }
        Ok(Self(pairs))
    }

    /// The texts under a name. A plus sign may stand for a space or for itself, as clients differ there: both are texts
    /// to look for.
    pub(super) fn texts(&self, name: &str) -> BTreeSet<String> {
        let readings = self.raw(name).flat_map(|value| [value.to_owned(), value.replace('+', " ")]);
        let texts = readings.filter_map(|value| decode(&value).map(Cow::into_owned));
        texts.filter(|text| !text.is_empty()).collect()
    }

    /// The ids under a name.
    pub(super) fn ids<T: FromStr>(&self, name: &str) -> Result<Vec<T>, Error> {
        let values = self.raw(name).filter(|value| !value.is_empty());
        values
            .map(|value| {
                let text = decode(value);
                let id = text.and_then(|text| text.parse().ok());
                id.ok_or_else(|| Error::bad_request(format!("{name} is not an id")))
            })
            .collect()
    }

    /// The place behind which the page begins, of listings whose tokens are numbers.
    pub(super) fn after(&self) -> Result<u64, Error> {
        match self.token() {
            "" => Ok(0),
            text => text.parse().map_err(|_| Error::bad_request("the token of a page is a whole number")),
        }
    }

    /// The place where the page begins, of listings over several groups.
    pub(super) fn place(&self) -> Result<Place, Error> {
        match self.token() {
            "" | LAST_PAGE => Ok(Place::default()),
            text => text.parse(),
        }
    }

    /// How many items the page may have. More than can be had are cut.
    pub(super) fn limit(&self) -> Result<usize, Error> {
        match self.raw("max").next().unwrap_or_default() {
            "" | "0" => Ok(DEFAULT_GROUP_PAGE),
            text => match text.parse::<usize>() {
                Ok(limit) => Ok(limit.min(MAX_GROUP_PAGE)),
                Err(_) => Err(Error::bad_request("max is a whole number")),
            },
        }
    }

    fn token(&self) -> &str {
        self.raw("nextToken").chain(self.raw("next_token")).find(|text| !text.is_empty()).unwrap_or_default()
    }

    fn raw(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// A place in a listing over several groups: which of the groups, and behind which of its items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Place of the group in the request.
    pub(super) group: usize,
    /// The item.
    pub(super) after: u64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.group, self.after)
    }
}

impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parsed = text
            .split_once('.')
            .and_then(|(group, after)| Some(Self { group: group.parse().ok()?, after: after.parse().ok()? }));
        parsed.ok_or_else(|| Error::bad_request("the token of a page is one that this server gave out"))
    }
}

fn decode(text: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(text).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> ListQuery {
        ListQuery::parse(Some(text)).unwrap()
    }

    #[test]
    fn pages_in_both_spellings() {
        for text in ["", "nextToken=&max=", "next_token=0&max=0", "&&"] {
            assert_eq!((query(text).after().unwrap(), query(text).limit().unwrap()), (0, DEFAULT_GROUP_PAGE));
            assert_eq!(query(text).place().unwrap(), Place::default());
        }
        assert_eq!(query("nextToken=7&max=3").after().unwrap(), 7);
        assert_eq!(query("next_token=7&max=3").limit().unwrap(), 3);
        assert_eq!(query("max=99999").limit().unwrap(), MAX_GROUP_PAGE);
        let place = Place { group: 2, after: 9 };
        assert_eq!(query(&format!("next_token={place}")).place().unwrap(), place);
        for text in ["nextToken=x", "nextToken=-1", "max=-1", "max=many", "nextToken=1.x"] {
            let query = query(text);
            assert!(query.after().is_err() || query.limit().is_err(), "{text}");
        }
        assert!(query("nextToken=7").place().is_err());
    }

    #[test]
    fn texts_and_ids_are_decoded() {
        let texts = |text| query(text).texts("n").into_iter().collect::<Vec<_>>();
        assert_eq!(texts("n=a&n=b&m=c&n="), ["a", "b"]);
        assert_eq!(texts("n=a+b"), ["a b", "a+b"]);
        assert_eq!(texts("n=a%2Bb%26&n=%ff"), ["a+b&"]);
        assert!(query("n=x").ids::<tozstore_crypto::GroupId>("n").is_err());
        assert!(query("n=").ids::<tozstore_crypto::GroupId>("n").unwrap().is_empty());
        assert!(ListQuery::parse(Some(&"n=1&".repeat(MAX_GROUP_LOOKUPS + 1))).is_err());
    }
}
