//! What the fuzz targets do, one module for each crate. Ordinary tests include these modules to replay the corpora.

pub mod crypto;
