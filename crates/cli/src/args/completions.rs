//! Arguments for completion scripts.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

pub(super) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  tozstore completions bash > ~/.local/share/bash-completion/completions/tozstore
  tozstore completions zsh > ~/.zfunc/_tozstore
  tozstore completions fish > ~/.config/fish/completions/tozstore.fish";

/// Which shell.
#[derive(Debug, Args)]
pub struct CompletionsArguments {
    /// bash, elvish, fish, powershell or zsh
    #[arg(value_name = "SHELL", value_parser = shells())]
    pub shell: clap_complete::Shell,
}

fn shells() -> impl TypedValueParser<Value = clap_complete::Shell> {
    PossibleValuesParser::new(["bash", "elvish", "fish", "powershell", "zsh"])
        .try_map(|name| name.parse::<clap_complete::Shell>())
}
