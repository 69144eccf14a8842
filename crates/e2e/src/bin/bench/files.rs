//! One large file through the command line and back: time, and the peak memory of client and server.

use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::AnyError;
use crate::server::{Child, client_credentials};

const BLOCK_BYTES: usize = 64 * 1024;
/// How often a running client is asked for its peak. A peak is never lost, only one of the last moment.
const ASKED_EACH: Duration = Duration::from_millis(10);

pub(crate) async fn run(mebibytes: u64, binary: Option<PathBuf>) -> Result<(), AnyError> {
    let binary = match binary {
        Some(binary) => binary,
        None => std::env::current_exe()?.with_file_name("tozstore"),
    };
    let folder = tempfile::tempdir()?;
    let server = Child::tozstore(Some(binary.clone()))?;
    let profiles = folder.path().join("profiles");
    std::fs::create_dir(&profiles)?;
    private(&profiles.join("default.json"), &client_credentials(&server).await?.to_json())?;

    let (sent, fetched) = (folder.path().join("sent"), folder.path().join("fetched"));
    let bytes = mebibytes * 1024 * 1024;
    make(&sent, bytes)?;
    println!("## One file of {mebibytes} MiB, with `tozstore file put` and `tozstore file get`\n");
    println!("| what | seconds | MiB per second | client's peak memory, MiB | server's peak memory, MiB |");
    println!("| --- | --- | --- | --- | --- |");

    let client = |arguments: &[&std::ffi::OsStr]| -> Result<(String, Duration, f64), AnyError> {
        let mut command = Command::new(&binary);
        command.env("TOZSTORE_CONFIG_DIR", folder.path()).arg("--quiet").arg("file").args(arguments);
        watched(&mut command)
    };
    let row = |what: &str, seconds: Duration, peak: f64| -> Result<(), AnyError> {
        let (seconds, of_server) = (seconds.as_secs_f64(), peak_mebibytes(server.pid()).ok_or("no peak")?);
        let speed = mebibytes as f64 / seconds;
        println!("| {what} | {seconds:.1} | {speed:.0} | {peak:.1} | {of_server:.1} |");
        Ok(())
    };
    let (id, seconds, peak) = client(&["put".as_ref(), "bench.file".as_ref(), sent.as_ref()])?;
    row("put", seconds, peak)?;
    let (_, seconds, peak) = client(&["get".as_ref(), id.trim().as_ref(), fetched.as_ref()])?;
    row("get", seconds, peak)?;
    if !holds(&fetched, bytes)? {
        return Err("what was fetched is not what was sent".into());
    }
    println!();
    Ok(())
}

/// A file in which each 8 bytes hold their own offset.
fn make(path: &Path, bytes: u64) -> Result<(), AnyError> {
    let mut file = BufWriter::with_capacity(BLOCK_BYTES, std::fs::File::create(path)?);
    for offset in (0..bytes).step_by(8) {
        file.write_all(&offset.to_le_bytes())?;
    }
    file.flush()?;
    Ok(())
}

fn holds(path: &Path, bytes: u64) -> Result<bool, AnyError> {
    let mut file = BufReader::with_capacity(BLOCK_BYTES, std::fs::File::open(path)?);
    let mut word = [0; 8];
    for offset in (0..bytes).step_by(8) {
        file.read_exact(&mut word)?;
        if u64::from_le_bytes(word) != offset {
            return Ok(false);
        }
    }
    Ok(file.read(&mut word)? == 0)
}

/// Runs a command to its end: its output, its time, its peak memory in MiB.
fn watched(command: &mut Command) -> Result<(String, Duration, f64), AnyError> {
    let begun = Instant::now();
    let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut peak = 0.0_f64;
    let status = loop {
        peak = peak.max(peak_mebibytes(process.id()).unwrap_or_default());
        match process.try_wait()? {
            Some(status) => break status,
            None => std::thread::sleep(ASKED_EACH),
        }
    };
    let seconds = begun.elapsed();
    let mut output = String::new();
    process.stdout.take().ok_or("the client has no output")?.read_to_string(&mut output)?;
    if status.success() { Ok((output, seconds, peak)) } else { Err(format!("the client: {status}").into()) }
}

/// The most memory that a process has had so far: `VmHWM` of proc(5), which is in KiB.
fn peak_mebibytes(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<f64>().ok()? / 1024.0)
}

/// Writes a file that none but its owner reads.
fn private(path: &Path, text: &str) -> Result<(), AnyError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(())
}
