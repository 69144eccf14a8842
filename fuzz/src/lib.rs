//! What the fuzz targets do, one module for each crate. Ordinary tests include these modules to replay the corpora.
//!
//! To run one on the stable toolchain, from this folder: `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none NAME`. It
//! adds what it finds to `corpus/NAME`; keep of that what shows something new, and small.

pub mod api;
pub mod crypto;
pub mod server;
