//! `man`: manual pages, made from the same definition as `--help`.

use std::path::Path;

use clap::CommandFactory;

use crate::args::{Arguments, ManArguments};
use crate::exit::{Code, Failure, Outcome};
use crate::output::Output;

/// Prints the page of the program, or writes one page for each command.
pub fn run(arguments: &ManArguments, output: Output) -> Outcome {
    let mut command = Arguments::command();
    let Some(folder) = &arguments.out else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        return output.bytes(&page);
    };
    let failed = |error: std::io::Error| {
        let advice = "check the folder's permissions and the space that is left";
        Failure::new(Code::Failed, format!("cannot write pages into {}: {error}", folder.display()), advice)
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    command.build();
    let mut pages = 0;
    write_pages(&command, "tozstore", folder, &mut pages).map_err(failed)?;
    output.remark(&format!("{pages} pages written into {}", folder.display()));
    Ok(())
}

fn write_pages(command: &clap::Command, name: &str, folder: &Path, pages: &mut u32) -> std::io::Result<()> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).title(name).render(&mut page)?;
    std::fs::write(folder.join(format!("{name}.1")), page)?;
    *pages += 1;
    for part in command.get_subcommands().filter(|part| part.get_name() != "help") {
        write_pages(part, &format!("{name}-{}", part.get_name()), folder, pages)?;
    }
    Ok(())
}
