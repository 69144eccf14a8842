//! Schemas of types that another crate defines, for the OpenAPI document. The build script says which stands for which.
#![allow(dead_code, reason = "these types stand for their schemas alone")]

use utoipa::ToSchema;

/// MD5 as text: 16 bytes, base64 with padding.
#[derive(ToSchema)]
#[schema(pattern = "^[A-Za-z0-9+/]{22}==$")]
pub(crate) struct Checksum(String);

/// A public key as text: 32 bytes, base64url without padding.
#[derive(ToSchema)]
#[schema(pattern = "^[A-Za-z0-9_-]{43}$")]
pub(crate) struct PublicKey(String);
