//! The command line of the binary `hearth`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::admin::Admin;

/// A Matrix homeserver.
#[derive(Debug, Parser)]
#[command(name = "hearth", version, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the binary does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve until SIGTERM or Ctrl-C
    ///
    /// Settings come from the file and from the variables HEARTH_* over it. At the first start, where there is
    /// neither, a hearth.toml for this machine alone is written.
    Serve(ConfigFile),
    /// Verify a data folder and say what is wrong with it; changes nothing
    ///
    /// The server must not be running on it. The exit status is 1 where something is wrong.
    Check {
        /// The data folder
        data: PathBuf,
    },
    /// Accounts
    #[command(subcommand)]
    User(UserCommand),
    /// Calls
    #[command(subcommand)]
    Calls(CallsCommand),
    /// Administer the running server
    ///
    /// It is asked by a socket in its data folder, which is its owner's alone.
    Admin(Admin),
    /// Print what a shell needs to complete these commands
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the page of the manual
    Man,
}

/// Where the settings are.
#[derive(Debug, Args)]
pub struct ConfigFile {
    /// The settings [default: ./hearth.toml if it exists]
    #[arg(long = "config", value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// What can be done with accounts.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Make an account
    Add(AddUser),
}

/// The account to make.
#[derive(Debug, Args)]
pub struct AddUser {
    /// The part of the user id before the colon, such as `alice`
    pub name: String,
    /// May administer the server
    #[arg(long)]
    pub admin: bool,
    /// Read the password from the first line of standard input; without this one is made up and printed
    #[arg(long)]
    pub password_stdin: bool,
    /// Where the settings are.
    #[command(flatten)]
    pub config: ConfigFile,
}

/// What can be done about calls.
#[derive(Debug, Subcommand)]
pub enum CallsCommand {
    /// Try all that calls need, as a client does, and say what works
    ///
    /// It reads the user's password from the first line of standard input. Run it where people call from, too. The exit
    /// status is 1 where something does not work.
    Test(TestCalls),
}

/// The calls to try.
#[derive(Debug, Args)]
pub struct TestCalls {
    /// An account of the server, such as `alice`
    #[arg(long)]
    pub user: String,
    /// Where clients reach the server [default: public_url of the settings]
    #[arg(long)]
    pub url: Option<String>,
    /// Where the settings are.
    #[command(flatten)]
    pub config: ConfigFile,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_documented_commands_are_understood() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' ')).map(|cli| cli.command);
        assert!(matches!(parse("hearth serve"), Ok(Command::Serve(ConfigFile { file: None }))));
        assert!(matches!(
            parse("hearth serve --config my.toml"),
            Ok(Command::Serve(ConfigFile { file: Some(_) }))
        ));
        assert!(matches!(parse("hearth check data"), Ok(Command::Check { .. })));
        let Ok(Command::User(UserCommand::Add(add))) =
            parse("hearth user add alice --admin --password-stdin")
        else {
            panic!("not understood")
        };
        assert!(add.name == "alice" && add.admin && add.password_stdin && add.config.file.is_none());
        let Ok(Command::Calls(CallsCommand::Test(test))) =
            parse("hearth calls test --user alice --url https://a.example")
        else {
            panic!("not understood")
        };
        assert!(test.user == "alice" && test.url.as_deref() == Some("https://a.example"));
        let Ok(Command::Admin(admin)) = parse("hearth admin users lock alice --off --json --config a.toml")
        else {
            panic!("not understood")
        };
        assert!(admin.json && admin.file == Some(PathBuf::from("a.toml")));
        assert!(parse("hearth completions bash").is_ok() && parse("hearth man").is_ok());
        assert!(parse("hearth admin audit").is_ok() && parse("hearth admin").is_err());
        assert!(parse("hearth").is_err() && parse("hearth check").is_err() && parse("hearth burn").is_err());
    }
}
