//! `completions`: a script that lets a shell complete our commands.

use clap::CommandFactory;

use crate::args::{Arguments, CompletionsArguments};
use crate::exit::Outcome;
use crate::output::Output;

/// Prints the script.
pub fn run(arguments: &CompletionsArguments, output: Output) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "tozstore", &mut script);
    output.bytes(&script)
}
