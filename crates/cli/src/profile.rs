//! Profiles: the clients that this person is, one credentials file each.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use etcetera::BaseStrategy;
use tozstore::Credentials;
use zeroize::Zeroizing;

use crate::exit::{Code, Failure, Outcome};
use crate::private_file;

/// Bytes that a credentials file may have; it has less than a kilobyte.
const MAX_PROFILE_BYTES: u64 = 64 * 1024;

/// The name of a profile; it becomes the name of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProfileName(String);

impl FromStr for ProfileName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
        if text.is_empty() || text.len() > 64 || text.starts_with(['.', '-']) || !text.chars().all(is_sound) {
            return Err(
                "a profile's name has 1 to 64 letters, digits and - _ . @, and starts with none of - .",
            );
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The folder that holds profiles and account sessions.
#[derive(Clone, Debug)]
pub struct ProfileFolder(PathBuf);

impl ProfileFolder {
    /// `TOZSTORE_CONFIG_DIR`, else `tozstore` in the platform's folder for settings.
    ///
    /// # Errors
    /// The platform knows no home folder.
    pub fn locate() -> Outcome<Self> {
        if let Some(folder) = std::env::var_os("TOZSTORE_CONFIG_DIR").filter(|folder| !folder.is_empty()) {
            return Ok(Self(folder.into()));
        }
        let strategy = etcetera::choose_base_strategy().map_err(|_| {
            Failure::new(
                Code::Failed,
                "there is no home folder to keep profiles in",
                "set HOME, or name a folder in TOZSTORE_CONFIG_DIR",
            )
        })?;
        Ok(Self(strategy.config_dir().join("tozstore")))
    }

    /// The file of a profile, there or not.
    pub fn profile_path(&self, name: &ProfileName) -> PathBuf {
        self.0.join("profiles").join(format!("{name}.json"))
    }

    /// The file of the account session that goes with a profile, there or not.
    pub fn session_path(&self, name: &ProfileName) -> PathBuf {
        self.0.join("accounts").join(format!("{name}.json"))
    }

    /// The file of the keys that a profile knows, there or not.
    pub fn known_keys_path(&self, name: &ProfileName) -> PathBuf {
        self.0.join("known").join(format!("{name}.json"))
    }

    /// The file of what a profile remembers of sealed types, there or not.
    pub fn sealed_state_path(&self, name: &ProfileName) -> PathBuf {
        self.0.join("sealed").join(format!("{name}.state"))
    }

    /// The text of a profile's file.
    ///
    /// # Errors
    /// There is no such profile, or others can read its file.
    pub fn text(&self, name: &ProfileName) -> Outcome<Zeroizing<String>> {
        let path = self.profile_path(name);
        let bytes = private_file::read(&path, MAX_PROFILE_BYTES)?.ok_or_else(|| missing(name))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged(&path, "it is not text"))?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// The credentials of a profile, for the server that they name or for another.
    ///
    /// # Errors
    /// There is no such profile, others can read its file, or it holds no credentials.
    pub fn load(&self, name: &ProfileName, api_url: Option<&str>) -> Outcome<Credentials> {
        let credentials = Credentials::from_json(&self.text(name)?)
            .map_err(|error| damaged(&self.profile_path(name), &error.to_string()))?;
        Ok(match api_url {
            Some(api_url) => credentials.with_api_url(api_url),
            None => credentials,
        })
    }

    /// Fails when there is such a profile: checked before keys are made and registered for it.
    ///
    /// # Errors
    /// There is such a profile.
    pub fn check_vacant(&self, name: &ProfileName) -> Outcome {
        let path = self.profile_path(name);
        if path.symlink_metadata().is_err() {
            return Ok(());
        }
        Err(Failure::new(
            Code::Conflict,
            format!("there is a profile {name} already, in {}", path.display()),
            "choose another name with --profile; a lost credentials file is lost data",
        ))
    }

    /// Keeps credentials as a new profile.
    ///
    /// # Errors
    /// There is such a profile, or its file cannot be written.
    pub fn create(&self, name: &ProfileName, credentials: &Credentials) -> Outcome<PathBuf> {
        let path = self.profile_path(name);
        create_parent(&path)?;
        private_file::create(&path, credentials.to_json().as_bytes())?;
        Ok(path)
    }

    /// The names of all profiles, in order.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn names(&self) -> Outcome<Vec<ProfileName>> {
        let folder = self.0.join("profiles");
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                let what = format!("cannot read the folder {}: {error}", folder.display());
                return Err(Failure::new(Code::Failed, what, "check its permissions"));
            }
        };
        let names = entries.flatten().filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            name.strip_suffix(".json")?.parse().ok()
        });
        let mut names: Vec<ProfileName> = names.collect();
        names.sort();
        Ok(names)
    }
}

/// Creates the folder that holds `path`, for its owner alone.
///
/// # Errors
/// The folder cannot be created.
pub fn create_parent(path: &Path) -> Outcome {
    path.parent().map_or(Ok(()), private_file::create_folder)
}

fn missing(name: &ProfileName) -> Failure {
    Failure::new(
        Code::Refused,
        format!("there is no profile {name} on this machine"),
        format!(
            "make one: tozstore client register --profile {name} --token-file FILE; or see: tozstore profile list"
        ),
    )
}

fn damaged(path: &Path, reason: &str) -> Failure {
    Failure::new(
        Code::Refused,
        format!("{} is not a credentials file: {reason}", path.display()),
        "put the right file there, or register a new client",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_the_folder() {
        for name in ["default", "a.b", "me@example.org", "A-1_2"] {
            assert!(name.parse::<ProfileName>().is_ok(), "{name}");
        }
        for name in ["", ".", "..", "../x", "a/b", "-x", ".x", "a b", "a\n", "é", &"x".repeat(65)] {
            assert!(name.parse::<ProfileName>().is_err(), "{name}");
        }
    }

    #[test]
    fn names_are_listed_in_order_and_other_files_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let profiles = ProfileFolder(folder.path().to_owned());
        assert_eq!(profiles.names().unwrap(), []);
        std::fs::create_dir(folder.path().join("profiles")).unwrap();
        for file in ["b.json", "a.json", "c.json.tmp", ".d.json"] {
            std::fs::write(folder.path().join("profiles").join(file), "").unwrap();
        }
        let names: Vec<String> = profiles.names().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
