//! What the command line does beside serving: one file a subcommand. Each may run while the server does.

mod renditions;
mod user;

use actix_web::rt::task::spawn_blocking;

use crate::app::StartError;
use crate::config::Config;
use crate::db::private::{PrivateError, PrivatePostgres};
use crate::db::{self, Db};

pub use renditions::renditions;
pub use user::{UserCommand, user};

/// The configured database, or the private one, whether or not the server has it running.
///
/// # Errors
/// When there is no database to be had.
pub async fn open_database(config: &Config) -> Result<(Option<PrivatePostgres>, Db), StartError> {
    config.create_data_dir()?;
    let (data_dir, database_url) = (config.data_dir.clone(), config.database_url.clone());
    spawn_blocking(move || {
        if let Some(url) = database_url {
            return Ok((None, Db::open(url.expose())?));
        }
        match PrivatePostgres::start(&data_dir) {
            Ok(postgres) => {
                let db = Db::open(postgres.url())?;
                Ok((Some(postgres), db))
            }
            Err(PrivateError::InUse { data_dir, .. }) => {
                let socket = data_dir.join("postgres");
                let url = format!("host='{}' port=5432 user=lumina dbname=lumina", socket.display());
                // Whoever runs there has migrated it, maybe as an older version: a newer schema would stop that one.
                if db::is_outdated(&url)? {
                    return Err("The server that runs is of an older version: restart it with this one first.".into());
                }
                Ok((None, Db::open_as_it_is(&url)))
            }
            Err(error) => Err(error.into()),
        }
    })
    .await?
}
