//! Path segments, split before they are percent-decoded, and turned into what they stand for.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use tozstore_api::RecordType;
use tozstore_crypto::sealed::{Digest, TypeName};
use tozstore_crypto::{AccountId, ClientId, GroupId, NoteId, PendingFileId, RecordId, Version};

use super::Error;
use crate::App;

/// The captured segments of a path, in order: one value, or a tuple of up to five.
#[derive(Debug)]
pub struct Path<T>(pub T);

/// What one segment of a path can stand for.
pub trait FromSegment: Sized {
    /// Reads the decoded text.
    ///
    /// # Errors
    /// The text cannot stand for such a thing, so there is none of that name.
    fn from_segment(text: &str) -> Result<Self, Error>;
}

macro_rules! ids_from_segments {
    ($($id:ty: $absent:literal),+) => {$(
        impl FromSegment for $id {
            fn from_segment(text: &str) -> Result<Self, Error> {
                text.parse().map_err(|_| Error::NotFound($absent))
            }
        }
    )+};
}

ids_from_segments! {
    AccountId: "no such account",
    ClientId: "no such client",
    PendingFileId: "no such file was announced, or it has lapsed",
    GroupId: "no such group",
    NoteId: "no such note",
    RecordId: "no such record",
    Version: "no such version"
}

impl FromSegment for RecordType {
    fn from_segment(text: &str) -> Result<Self, Error> {
        text.parse().map_err(|error: tozstore_api::RecordTypeError| Error::bad_request(error.to_string()))
    }
}

impl FromSegment for String {
    fn from_segment(text: &str) -> Result<Self, Error> {
        Ok(text.to_owned())
    }
}

macro_rules! numbers_from_segments {
    ($($number:ty),+) => {$(
        impl FromSegment for $number {
            fn from_segment(text: &str) -> Result<Self, Error> {
                text.parse().map_err(|_| Error::NotFound("no such place"))
            }
        }
    )+};
}

numbers_from_segments!(u32, u64);

impl FromSegment for TypeName {
    fn from_segment(text: &str) -> Result<Self, Error> {
        text.parse().map_err(|_| Error::NotFound("no such record type"))
    }
}

impl FromSegment for Digest {
    fn from_segment(text: &str) -> Result<Self, Error> {
        text.parse().map_err(|_| Error::NotFound("no such digest"))
    }
}

/// None where the text cannot stand for such a thing: for endpoints that answer that in their own way.
impl<T: FromSegment> FromSegment for Option<T> {
    fn from_segment(text: &str) -> Result<Self, Error> {
        Ok(T::from_segment(text).ok())
    }
}

/// Tuples of segments.
pub trait FromSegments: Sized {
    /// Takes as many segments as it has values.
    ///
    /// # Errors
    /// A segment cannot stand for its value.
    fn from_segments<'a>(segments: impl Iterator<Item = &'a str>) -> Result<Self, Error>;
}

impl<T: FromSegment> FromSegments for T {
    fn from_segments<'a>(mut segments: impl Iterator<Item = &'a str>) -> Result<Self, Error> {
        next(&mut segments)
    }
}

macro_rules! tuples_from_segments {
    ($(($($value:ident),+))+) => {$(
        impl<$($value: FromSegment),+> FromSegments for ($($value,)+) {
            fn from_segments<'a>(mut segments: impl Iterator<Item = &'a str>) -> Result<Self, Error> {
                Ok(($(next::<$value>(&mut segments)?,)+))
            }
        }
    )+};
}

tuples_from_segments! { (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) }

fn next<'a, T: FromSegment>(segments: &mut impl Iterator<Item = &'a str>) -> Result<T, Error> {
    let text =
        segments.next().ok_or(Error::Internal("a route has fewer segments than its handler".into()))?;
    T::from_segment(text)
}

impl<T: FromSegments> FromRequestParts<Arc<App>> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Error> {
        // What is not UTF-8 once decoded names nothing.
        let segments = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|_| Error::NotFound("no such path"))?;
        T::from_segments(segments.iter().map(|(_, text)| text)).map(Self)
    }
}
