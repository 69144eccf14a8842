//! TozStore at a terminal.
//!
//! `serve` and `demo` run the server crate; every other command is the SDK with printing. Keys, formats and HTTP are
//! none of this crate's business.

mod args;
mod cmd;
mod exit;
mod field;
mod known;
mod output;
mod password;
mod private_file;
mod profile;
mod secret_input;
mod session;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Arguments;
use crate::exit::{Code, Failure};
use crate::output::Output;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // `--help` and `--version` come as errors too. A closed pipe is no reason to complain.
            let _ = error.print();
            return if error.use_stderr() { Code::Usage.into() } else { ExitCode::SUCCESS };
        }
    };
    let output = Output::new(arguments.global.json, arguments.global.quiet);
    let outcome = tokio::runtime::Runtime::new()
        .map_err(|error| {
            let advice = "check the limits on threads and open files";
            Failure::new(Code::Failed, format!("cannot start: {error}"), advice)
        })
        .and_then(|runtime| runtime.block_on(cmd::run(arguments, output)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.reader_gone => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            failure.code.into()
        }
    }
}
