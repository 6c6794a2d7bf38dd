//! The command line: `lumina [--config FILE] [SUBCOMMAND]`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use lumina::app::{App, StartError, StopSignals};
use lumina::commands::{self, Backup, Doctor, Restore, StorageCommand, UserCommand};
use lumina::config::{Config, environment};
use lumina::media::outside;
use lumina::telemetry;

/// A self-hosted photo album and image host.
#[derive(Parser)]
#[command(version = lumina::VERSION)]
struct Arguments {
    /// The settings; without it `config.yaml` in the working folder, if there is one.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Start the server (the default).
    Serve,
    /// Bring the database up to date and stop.
    Migrate,
    /// Make the smaller copies of photos anew that are missing or of an older version. The server may run meanwhile.
    Renditions,
    /// Make, list, disable and enable accounts, and set passwords and roles. The server may run meanwhile.
    #[command(subcommand)]
    User(UserCommand),
    /// Look whether everything works, and whether every photo has its bytes. The server may run meanwhile.
    Doctor(Doctor),
    /// Move photos' bytes.
    #[command(subcommand)]
    Storage(StorageCommand),
    /// Back the database and all photos up into a folder. The server may run meanwhile.
    Backup(Backup),
    /// Fill an empty instance from a backup. The server must not run meanwhile.
    Restore(Restore),
    /// Print the effective settings, secrets masked.
    Config,
}

impl Command {
    /// Whether it works on what an instance keeps, beside the server; and the folder that it makes for that.
    fn looks_after(&self) -> Option<Option<&Path>> {
        match self {
            Self::Serve | Self::Config => None,
            Self::Backup(options) => Some(Some(options.folder())),
            Self::Migrate
            | Self::Renditions
            | Self::User(_)
            | Self::Doctor(_)
            | Self::Storage(_)
            | Self::Restore(_) => Some(None),
        }
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    // Before any thread is started: this process is to become the decoder of one photo.
    if arguments.next().is_some_and(|first| first == outside::SUBCOMMAND) {
        return outside::run_subcommand(arguments);
    }
    let code = serve_or_else(Arguments::parse());
    telemetry::flush();
    code
}

#[actix_web::main]
async fn serve_or_else(arguments: Arguments) -> ExitCode {
    match run(arguments).await {
        Ok(code) => code,
        Err(error) => {
            say(io::stderr(), &format!("lumina: {error}\n"));
            if let Some(advice) = lumina::advice::on(&*error) {
                say(io::stderr(), &format!("lumina: {advice}\n"));
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode, StartError> {
    let config = Config::load(arguments.config.as_deref(), environment());
    if let Ok(config) = &config {
        telemetry::init(config);
        telemetry::log_panics();
    }
    let command = arguments.command.unwrap_or(Command::Serve);
    if let (Some(makes), Ok(config)) = (command.looks_after(), &config) {
        commands::become_owner(config, makes)?;
    }
    match (command, config) {
        (Command::Doctor(options), config) => return commands::doctor(config, options).await,
        (_, Err(problems)) => return Err(problems.into()),
        (Command::Config, Ok(config)) => say(io::stdout(), &config.effective()),
        (Command::Migrate, Ok(config)) => App::migrate(config).await?,
        (Command::User(command), Ok(config)) => commands::user(&config, command).await?,
        (Command::Storage(command), Ok(config)) => return commands::storage(&config, command).await,
        (Command::Backup(options), Ok(config)) => return commands::backup(&config, options).await,
        (Command::Restore(options), Ok(config)) => return commands::restore(&config, options).await,
        (Command::Renditions, Ok(config)) => commands::renditions(&config).await?,
        (Command::Serve, Ok(config)) => {
            let app = App::start(config).await?;
            // Before anybody reads that it runs, and may stop it.
            let signals = StopSignals::listen()?;
            if let Some(link) = app.setup_link() {
                say(io::stdout(), &format!("Nobody has an account yet. Make the first one, the admin's, at {link}\n"));
            }
            say(io::stdout(), &format!("Lumina is ready at {}\n", app.state.absolute(lumina::routes::home())));
            app.run(signals).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Where nobody listens any more, nobody misses it: `println!` would panic.
fn say(mut to: impl Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}
