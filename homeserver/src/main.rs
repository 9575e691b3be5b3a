//! The binary `hearth`.

use std::{path::Path, process::ExitCode, sync::Arc};

use clap::{CommandFactory as _, Parser as _};
use hearth::{
    Server, add_user, admin,
    ask::Failure,
    calls::CallsSocket,
    calls_test, check,
    cli::{CallsCommand, Cli, Command, ConfigFile, UserCommand},
    config::{Config, DEFAULT_FILE, Variables},
    data_folder, descriptors, listen, metrics,
    observing::Observing,
    server::{Outside, open_store},
    smtp::Smtp,
};
use hearth_push::mail::Mailer;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("hearth: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    data_folder::keep_to_owner();
    match command {
        Command::Serve(ConfigFile { file }) => {
            let config = first_config(file.as_deref())?;
            let variables = Variables::from_environment(std::env::vars_os())?;
            let again = move || Config::open(file.as_deref(), Path::new(""), &variables);
            let observing = Observing::begin(&config)?;
            descriptors::raise_limit();
            listen::choose_cryptography();
            tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
                let machine = Outside::of_the_machine(&config)?;
                observing.send(&config, machine.service_dialer.clone());
                let recorder = metrics::record()?;
                let store = open_store(&config)?;
                let calls = CallsSocket::bind(&config, &*machine.random).await?;
                let mailer = Smtp::of(&config)?.map(|smtp| Arc::new(smtp) as Arc<dyn Mailer>);
                let server = Server::open(&config, store, Outside { calls, mailer, ..machine }).await?;
                let files = move || again().map(|config| config.appservices);
                listen::serve(&config, server, recorder, files).await?;
                Ok(ExitCode::SUCCESS)
            })
        }
        Command::Check { data } => Ok(if check::run(&data)? { ExitCode::SUCCESS } else { ExitCode::FAILURE }),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "hearth", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        Command::Man => {
            clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Admin(what) => {
            let variables = Variables::from_environment(std::env::vars_os())?;
            admin::run(&Config::open(what.file.as_deref(), Path::new(""), &variables)?, &what)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::User(UserCommand::Add(add)) => {
            let config = first_config(add.config.file.as_deref())?;
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(add_user::run(&config, &add))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Calls(CallsCommand::Test(test)) => {
            let config = first_config(test.config.file.as_deref())?;
            listen::choose_cryptography();
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            let all_works = runtime.block_on(calls_test::run(&config, &test))?;
            Ok(if all_works { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

/// The configuration; at the first start one is written for a server on this machine alone.
fn first_config(file: Option<&Path>) -> Result<Config, Failure> {
    let variables = Variables::from_environment(std::env::vars_os())?;
    let folder = Path::new("");
    if Config::is_first_start(file, folder, &variables) {
        Config::create_default(Path::new(DEFAULT_FILE), &mut rand::rng())?;
        println!("Wrote {DEFAULT_FILE} for a server on this machine alone.");
    }
    Ok(Config::open(file, folder, &variables)?)
}
