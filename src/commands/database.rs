//! The database for a command: the configured one, or the private one whether or not the server has it running.
//!
//! [`Opened::open`] is the door for commands that look after an instance. It makes nothing: where Lumina was never started it
//! says so.

use std::fs::File;

use actix_web::rt::task::spawn_blocking;

use crate::app::StartError;
use crate::config::Config;
use crate::db::private::{self, PrivateError, PrivatePostgres};
use crate::db::{self, Db};

/// What a command wants of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// This version's: it is brought up to date, unless a server runs there that would not know it.
    UpToDate,
    /// Whatever it is.
    AsItIs,
}

/// An open database. [`Opened::close`] stops what was started for it.
pub struct Opened {
    /// The door.
    pub db: Db,
    /// Its address, for Postgres's programs too; it may hold a password.
    pub url: String,
    /// It is the private one of a server that has it running.
    pub server_runs: bool,
    postgres: Option<PrivatePostgres>,
    /// The address may go through this open folder.
    _folder: Option<File>,
}

impl Opened {
    /// Opens that of an instance that Lumina was started on before.
    ///
    /// # Errors
    /// When there is none to be had; it need not answer where the schema is taken as it is.
    pub async fn open(config: &Config, schema: Schema) -> Result<Self, StartError> {
        config.existing_data_dir()?;
        Self::of(config, schema).await
    }

    /// Opens it whatever it is, or makes a private one: for `restore`, which fills a new instance.
    ///
    /// # Errors
    /// When there is none to be had.
    pub async fn create(config: &Config) -> Result<Self, StartError> {
        config.create_data_dir()?;
        Self::of(config, Schema::AsItIs).await
    }

    async fn of(config: &Config, schema: Schema) -> Result<Self, StartError> {
        let (data_dir, database_url) = (config.data_dir.clone(), config.database_url.clone());
        spawn_blocking(move || {
            if let Some(url) = database_url {
                return Self::at(url.expose().to_owned(), schema, None, None);
            }
            match PrivatePostgres::start(&data_dir) {
                Ok(postgres) => Self::at(postgres.url().to_owned(), schema, Some(postgres), None),
                Err(PrivateError::InUse { data_dir, .. }) => {
                    let (url, folder) = private::running_in(&data_dir)?;
                    // Whoever runs there has migrated it, maybe as an older version: a newer schema would stop that one.
                    if schema == Schema::UpToDate && db::is_outdated(&url)? {
                        return Err(
                            "The server that runs is of an older version: restart it with this one first.".into()
                        );
                    }
                    Self::at(url, Schema::AsItIs, None, Some(folder))
                }
                Err(error) => Err(error.into()),
            }
        })
        .await?
    }

    fn at(
        url: String,
        schema: Schema,
        postgres: Option<PrivatePostgres>,
        folder: Option<File>,
    ) -> Result<Self, StartError> {
        if schema == Schema::UpToDate && !db::is_in_use(&url)? {
            return Err(
                "no Lumina was ever started on this database: it has no table `users`. Name the right one by `--config \
                 FILE` or by DATABASE_URL in the environment. Only `lumina serve` and `lumina migrate` make tables."
                    .into(),
            );
        }
        let db = match schema {
            Schema::UpToDate => Db::open(&url)?,
            Schema::AsItIs => Db::open_as_it_is(&url),
        };
        Ok(Self { db, url, server_runs: folder.is_some(), postgres, _folder: folder })
    }

    /// Stops the private Postgres, if it was started for this.
    ///
    /// # Errors
    /// When the thread that waits for it panicked.
    pub async fn close(self) -> Result<(), StartError> {
        let Self { db, postgres, .. } = self;
        drop(db);
        Ok(spawn_blocking(move || drop(postgres)).await?)
    }
}
