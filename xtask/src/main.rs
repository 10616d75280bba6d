//! Chores of the workspace: `cargo xtask --help` lists them, `cargo xtask help <command>` teaches one.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod arguments;
mod bench;
mod ci;
mod codegen;
mod counts;
mod dist;
mod fuzz;
mod instructions;
mod package;
mod release;
mod semver;
mod test;
mod tidy;
mod trials;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::arguments::Arguments;

/// One chore. To add one: write its module, name it here.
struct Command {
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    details: &'static str,
    run: fn(Arguments) -> Result<()>,
}

const COMMANDS: [Command; 13] = [
    bench::COMMAND,
    trials::CHAOS,
    ci::COMMAND,
    codegen::COMMAND,
    dist::COMMAND,
    fuzz::COMMAND,
    instructions::COMMAND,
    package::COMMAND,
    release::COMMAND,
    semver::COMMAND,
    trials::SOAK,
    test::COMMAND,
    tidy::COMMAND,
];

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("error: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: Vec<String>) -> Result<()> {
    let mut words = words.into_iter();
    let first = words.next().unwrap_or_else(|| "--help".to_owned());
    let rest: Vec<String> = words.collect();
    match first.as_str() {
        "-h" | "--help" => println!("{}", overview()),
        "help" => match rest.first() {
            Some(name) => println!("{}", lesson(find(name)?)),
            None => println!("{}", overview()),
        },
        name => {
            let command = find(name)?;
            if rest.iter().any(|word| word == "-h" || word == "--help") {
                println!("{}", lesson(command));
            } else {
                (command.run)(Arguments::new(rest))?;
            }
        }
    }
    Ok(())
}

fn find(name: &str) -> Result<&'static Command> {
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        let names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
        bail!("unknown command `{name}`: there are {}", names.join(", "));
    };
    Ok(command)
}

fn overview() -> String {
    let lines: String =
        COMMANDS.iter().map(|command| format!("  {:<14}{}\n", command.name, command.about)).collect();
    format!(
        "Chores of the workspace.\n\nUsage: cargo xtask <command> [arguments]\n\nCommands:\n{lines}\n\
         `cargo xtask help <command>` says more of one."
    )
}

fn lesson(command: &Command) -> String {
    format!("{}\n\nUsage: cargo xtask {}\n\n{}", command.about, command.usage, command.details)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_sorted_and_explain_themselves() {
        assert!(COMMANDS.is_sorted_by_key(|command| command.name));
        for command in &COMMANDS {
            assert!(command.usage.starts_with(command.name), "{}", command.name);
            assert!(lesson(command).len() > 100, "{} teaches nothing", command.name);
            assert!(overview().contains(command.about));
        }
    }

    #[test]
    fn an_unknown_command_names_the_known_ones() {
        let fault = find("tide").map(|command| command.name).expect_err("no such command");
        assert!(fault.to_string().contains("tidy"), "{fault}");
    }
}
