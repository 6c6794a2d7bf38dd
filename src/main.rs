//! The command line: `lumina [--config FILE] [serve | migrate | renditions | user | config]`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use lumina::app::{App, StartError};
use lumina::commands::UserCommand;
use lumina::config::{Config, environment};
use lumina::media::outside;
use lumina::{commands, telemetry};

/// A self-hosted photo album and image host.
#[derive(Parser)]
#[command(version)]
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
    /// Print the effective settings, secrets masked.
    Config,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    // Before any thread is started: this process is to become the decoder of one photo.
    if arguments.next().is_some_and(|first| first == outside::SUBCOMMAND) {
        return outside::run_subcommand(arguments);
    }
    serve_or_else(Arguments::parse())
}

#[actix_web::main]
async fn serve_or_else(arguments: Arguments) -> ExitCode {
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lumina: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), StartError> {
    let config = Config::load(arguments.config.as_deref(), environment())?;
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Config => print!("{}", config.effective()),
        Command::Migrate => {
            telemetry::init(&config);
            App::migrate(config).await?;
        }
        Command::Renditions => {
            telemetry::init(&config);
            commands::renditions(&config).await?;
        }
        Command::User(command) => {
            telemetry::init(&config);
            commands::user(&config, command).await?;
        }
        Command::Serve => {
            telemetry::init(&config);
            let app = App::start(config).await?;
            println!("Lumina is ready at {}", app.state.absolute(lumina::routes::home()));
            app.run().await?;
        }
    }
    Ok(())
}
