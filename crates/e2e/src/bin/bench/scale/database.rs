//! A PostgreSQL server of our own, with the settings that Debian's package has: what is acknowledged is on the disk.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::AnyError;

/// A server that is stopped when dropped. Its data stay in their folder.
pub(crate) struct Database {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
}

impl Database {
    /// Starts the server of a folder, made anew if there is none.
    pub(crate) fn start(folder: &Path) -> Result<Self, AnyError> {
        let database = Self { programs: programs()?, folder: folder.to_owned(), port: free_port()? };
        std::fs::create_dir_all(folder)?;
        if is_root() {
            // It refuses to run as root.
            run(Command::new("chown").arg("-R").arg("postgres").arg(folder))?;
        }
        if !folder.join("data/PG_VERSION").exists() {
            let mut initdb = database.program("initdb");
            run(initdb.arg("-D").arg(folder.join("data")).args([
                "-U",
                "bench",
                "-A",
                "trust",
                "--no-instructions",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
            ]))?;
        }
        let options = format!(
            "-k {} -p {} -c listen_addresses=127.0.0.1 -c max_connections=200 -c shared_buffers=1GB \
             -c max_wal_size=4GB -c compute_query_id=off",
            folder.display(),
            database.port
        );
        let mut pg_ctl = database.program("pg_ctl");
        pg_ctl.arg("-D").arg(folder.join("data")).arg("-w").arg("-l").arg(folder.join("log"));
        run(pg_ctl.args(["-t", "300", "-o", &options, "start"]))?;
        Ok(database)
    }

    /// The address of a database in it, which is made if it is not there.
    pub(crate) fn url(&self, name: &str) -> Result<String, AnyError> {
        let there =
            self.ask("postgres", &format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'"))?;
        if there.trim() == "0" {
            self.ask("postgres", &format!("CREATE DATABASE {name}"))?;
        }
        Ok(format!("postgres://bench@127.0.0.1:{}/{name}", self.port))
    }

    /// What statements answer: a line for each row, columns between bars.
    pub(crate) fn ask(&self, name: &str, sql: &str) -> Result<String, AnyError> {
        let mut psql = self.program("psql");
        psql.args(["-h", "127.0.0.1", "-U", "bench", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"]);
        psql.args(["-p", &self.port.to_string(), "-d", name, "-c", sql]);
        run(&mut psql)
    }

    /// The version of the server.
    pub(crate) fn version(&self) -> Result<String, AnyError> {
        Ok(self.ask("postgres", "SHOW server_version")?.trim().to_owned())
    }

    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        // Where the user that runs it may be.
        command.current_dir(&self.folder);
        command
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let mut pg_ctl = self.program("pg_ctl");
        let _ = run(pg_ctl.arg("-D").arg(self.folder.join("data")).args(["-m", "fast", "-w", "stop"]));
    }
}

/// Runs a program to its end; what it printed, if it succeeded.
fn run(command: &mut Command) -> Result<String, AnyError> {
    // A server that stays behind holds the output open: what it says goes into its log.
    let is_start = command.get_args().any(|argument| argument == "start");
    let output = if is_start {
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map(|status| (status, Vec::new(), Vec::new()))
    } else {
        command.output().map(|output| (output.status, output.stdout, output.stderr))
    };
    let (status, printed, errors) =
        output.map_err(|error| format!("{} cannot be run: {error}", command.get_program().display()))?;
    if status.success() {
        Ok(String::from_utf8_lossy(&printed).into_owned())
    } else {
        Err(format!("{command:?}: {}", String::from_utf8_lossy(&errors)).into())
    }
}

/// Debian keeps the programs out of the path; the newest, if there are several.
fn programs() -> Result<PathBuf, AnyError> {
    let root = Path::new("/usr/lib/postgresql");
    let versions = std::fs::read_dir(root)
        .map_err(|_| "PostgreSQL is needed: install `postgresql`, then run this again")?;
    let folders = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    let newest = folders.filter(|folder| folder.join("initdb").exists()).max();
    newest.ok_or_else(|| "PostgreSQL is needed: install `postgresql`, then run this again".into())
}

fn free_port() -> Result<u16, AnyError> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}
