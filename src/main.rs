//! The command line: `lumina [--config FILE] [serve | migrate | config]`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use lumina::app::{App, StartError};
use lumina::config::{Config, environment};
use lumina::telemetry;

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
    /// Print the effective settings, secrets masked.
    Config,
}

#[actix_web::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
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
        Command::Serve => {
            telemetry::init(&config);
            let app = App::start(config).await?;
            println!("Lumina is ready at {}", app.state.absolute(lumina::routes::home()));
            app.run().await?;
        }
    }
    Ok(())
}
