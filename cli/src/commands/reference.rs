//! docs/command-line.md: what is written here, and the help of every command behind it. A test holds the file against this.

use clap::{Command, CommandFactory as _};

use crate::arguments::Arguments;

const INTRODUCTION: &str = include_str!("reference.md");

/// The whole file.
pub fn markdown() -> String {
    let mut root = Arguments::command().term_width(100);
    root.build();
    format!("{INTRODUCTION}{}", describe(&mut root, 2))
}

/// The help of a command and of those below it.
fn describe(command: &mut Command, depth: usize) -> String {
    if command.is_hide_set() || command.get_name() == "help" {
        return String::new();
    }
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
    let help = command.render_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    let own = format!("\n{} {name}\n\n```text\n{}\n```\n", "#".repeat(depth), help.join("\n").trim_end());
    let below: String = command.get_subcommands_mut().map(|below| describe(below, depth + 1)).collect();
    own + &below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_is_what_the_command_says() {
        let file = include_str!("../../../docs/command-line.md");
        let hint = "docs/command-line.md is out of date: cargo run -p clickledger -- reference > docs/command-line.md";
        assert!(file == markdown(), "{hint}");
    }

    #[test]
    fn every_command_is_in_it_with_a_sentence() {
        let text = markdown();
        for name in
            ["doctor", "keys rotate", "programs create", "import referrals", "events tail", "webhooks replay", "export"]
        {
            assert!(text.contains(&format!(" clickledger {name}\n")), "{name}");
        }
        assert!(!text.contains("clickledger reference\n\n"));
    }

    #[test]
    fn the_tree_of_commands_makes_sense() {
        Arguments::command().debug_assert();
    }
}
