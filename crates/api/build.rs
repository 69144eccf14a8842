//! Tells the macros of the OpenAPI document what the types of `tozstore-crypto` look like in JSON: that crate does not
//! know of the document.
#![allow(clippy::print_stdout, reason = "build scripts speak to Cargo so")]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "openapi")]
    {
        let ids =
            ["AccountId", "ClientId", "GroupId", "NoteId", "PendingFileId", "RecordId", "StoreId", "Version"];
        let config = ids.iter().fold(utoipa_config::Config::new(), |config, id| config.alias_for(id, "Uuid"));
        config
            .alias_for("FileChecksum", "crate::schemas::Checksum")
            .alias_for("SigningPublicKey", "crate::schemas::PublicKey")
            .write_to_file();
    }
}
