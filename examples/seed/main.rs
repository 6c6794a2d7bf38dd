//! `./dev db seed N`: gives the owner `demo` N photos, to see and measure Lumina with much in it.
//!
//! Rows are made by SQL (`seed.sql`), about ten thousand a second. Every photo is one of forty drawn landscapes, and the
//! newest [`WITH_BYTES`] have their files, as hard links to the same forty; the others show their placeholders alone. Running
//! it again replaces demo's photos and password. Lumina may be running meanwhile.

#![expect(clippy::print_stdout, reason = "it tells whoever runs it")]

mod landscape;

use std::error::Error;
use std::path::Path;
use std::{fs, io};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Integer, Uuid as SqlUuid};
use lumina::commands::database::{Opened, Schema};
use lumina::config::{Config, environment};
use lumina::db::schema::photos;
use lumina::error::AppError;
use lumina::media::{self, Format, OutsideDecoder, Processed, RenditionName};
use lumina::models::{NewUser, PhotoId, Role, User, UserId};
use lumina::passwords::{Lane, Passwords};
use lumina::storage::{Kind, ObjectKey, Received, Room, Storage};
use lumina::threads::InFlight;
use rand::Rng;
use rand::distr::Alphanumeric;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Photos that get their files. Each takes a folder (4 KB) and a moment.
const WITH_BYTES: i64 = 10_000;

/// Different pictures, as many as `seed.sql` knows.
const PICTURES: u32 = 40;

type Failure = Box<dyn Error + Send + Sync>;

#[actix_web::main]
async fn main() -> Result<(), Failure> {
    let how_many: i32 = std::env::args().nth(1).and_then(|text| text.parse().ok()).ok_or("How many photos?")?;
    let config = Config::load(None, environment())?;
    config.create_data_dir()?;
    let database = Opened::open(&config, Schema::UpToDate).await?;
    let db = database.db.clone();
    let storage = Storage::open(&config).await?;

    println!("Drawing {PICTURES} pictures …");
    let mut pictures = Vec::new();
    for number in 0..PICTURES {
        pictures.push(Picture::draw(&storage, number, &config).await?);
    }
    let password: String = rand::rng().sample_iter(Alphanumeric).take(12).map(char::from).collect();
    let password_hash =
        Passwords::start(config.bcrypt_cost, &InFlight::default())?.hash(Lane::Known, password.clone()).await?;
    println!("Writing {how_many} photos …");
    let facts: Vec<_> = pictures.iter().map(Picture::facts).collect();
    let (before, newest, role) = db
        .write(move |conn| {
            conn.batch_execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")?;
            let user = demo_user(conn, password_hash)?;
            let before = photos::table.filter(photos::owner_id.eq(user.id)).select(photos::id).load(conn)?;
            diesel::delete(photos::table.filter(photos::owner_id.eq(user.id))).execute(conn)?;
            let newest = make_rows(conn, user.id, how_many, &facts)?;
            Ok::<_, AppError>((before, newest, user.role()))
        })
        .await?;
    // What autovacuum would do within minutes: listings that need not look at the rows.
    db.read(|conn| {
        conn.batch_execute("SET statement_timeout = 0")?;
        conn.batch_execute("VACUUM (ANALYZE) photos, photo_hashtags, hashtag_counts")
    })
    .await?;
    remove_files(&config.data_dir, &before)?;
    store_files(&storage, &config.data_dir, pictures, &newest).await?;
    drop(db);
    database.close().await?;
    let rank = if role == Role::Admin { " (the administrator, being the first account)" } else { "" };
    println!("Done: the newest {} have files.\nLog in as demo{rank} with the password {password}", newest.len());
    Ok(())
}

fn demo_user(conn: &mut PgConnection, password_hash: String) -> QueryResult<User> {
    if let Some(user) = User::by_login(conn, "demo")? {
        User::set_password_hash(conn, user.id, &password_hash)?;
        return Ok(user);
    }
    let (username, email, full_name) = ("demo".to_owned(), "demo@example.com".to_owned(), "Demo".to_owned());
    User::create(conn, &NewUser { username, email, full_name, password_hash: Some(password_hash) })?
        .map_err(|_| diesel::result::Error::QueryBuilderError("somebody else has demo@example.com".into()))
}

/// A drawn picture, taken apart as an upload is.
struct Picture {
    file: Received,
    size: usize,
    sha256: Vec<u8>,
    processed: Processed,
}

/// What a photo's row says of its picture.
struct Facts {
    size: i64,
    sha256: Vec<u8>,
    width: i32,
    height: i32,
    placeholder: Vec<u8>,
}

impl Picture {
    async fn draw(storage: &Storage, number: u32, config: &Config) -> Result<Self, Failure> {
        let jpeg = landscape::draw(number)?;
        let mut file = storage.temporary(Room::of_our_own()).await?;
        file.write(&jpeg).await?;
        let file = file.finish().await?;
        let limits = media::Limits { megapixels: config.limits.megapixels };
        let inspected = media::inspect(file.path(), Format::Jpeg, limits)?;
        let processed = media::process(file.path(), &inspected, &OutsideDecoder::missing_altogether())?;
        Ok(Self { file, size: jpeg.len(), sha256: Sha256::digest(&jpeg).to_vec(), processed })
    }

    fn facts(&self) -> Facts {
        Facts {
            size: i64::try_from(self.size).unwrap_or(i64::MAX),
            sha256: self.sha256.clone(),
            width: self.processed.width.cast_signed(),
            height: self.processed.height.cast_signed(),
            placeholder: self.processed.placeholder.clone(),
        }
    }
}

#[derive(QueryableByName)]
struct Made {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Integer)]
    picture: i32,
}

/// Makes the rows, and tells the newest with the numbers of their pictures.
fn make_rows(conn: &mut PgConnection, owner: UserId, how_many: i32, pictures: &[Facts]) -> QueryResult<Vec<Made>> {
    conn.batch_execute(include_str!("seed.sql"))?;
    for (number, picture) in (0_i32..).zip(pictures) {
        diesel::sql_query(
            "UPDATE pictures SET size_bytes = $2, sha256 = $3, width = $4, height = $5, placeholder = $6 WHERE picture = $1",
        )
        .bind::<Integer, _>(number)
        .bind::<BigInt, _>(picture.size)
        .bind::<Binary, _>(&picture.sha256)
        .bind::<Integer, _>(picture.width)
        .bind::<Integer, _>(picture.height)
        .bind::<Binary, _>(&picture.placeholder)
        .execute(conn)?;
    }
    diesel::sql_query("SELECT pg_temp.seed_photos($1, $2)")
        .bind::<BigInt, _>(owner)
        .bind::<Integer, _>(how_many)
        .execute(conn)?;
    diesel::sql_query(
        "SELECT id, picture FROM photos JOIN pictures USING (sha256) WHERE owner_id = $1 ORDER BY taken_at DESC LIMIT $2",
    )
    .bind::<BigInt, _>(owner)
    .bind::<BigInt, _>(WITH_BYTES)
    .load(conn)
}

/// Removes the files of the photos that were there before.
fn remove_files(data_dir: &Path, photos: &[PhotoId]) -> io::Result<()> {
    for photo in photos {
        let file = data_dir.join(ObjectKey::new(photo.0, Kind::Original).to_string());
        if let Some(folder) = file.parent()
            && let Err(error) = fs::remove_dir_all(folder)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
    }
    Ok(())
}

/// Stores each picture under the first photo that shows it; the others are links to the same file, which nothing ever
/// changes.
async fn store_files(
    storage: &Storage,
    data_dir: &Path,
    pictures: Vec<Picture>,
    photos: &[Made],
) -> Result<(), Failure> {
    for (number, picture) in (0_i32..).zip(pictures) {
        let mut showing = photos.iter().filter(|photo| photo.picture == number).map(|photo| photo.id);
        let Some(first) = showing.next() else { continue };
        storage.put_file(ObjectKey::new(first, Kind::Original), picture.file).await?;
        for rendition in picture.processed.renditions {
            storage.put_bytes(ObjectKey::new(first, Kind::Rendition(rendition.name)), rendition.bytes).await?;
        }
        for photo in showing {
            for kind in [Kind::Original].into_iter().chain(RenditionName::STILLS.map(Kind::Rendition)) {
                let link = data_dir.join(ObjectKey::new(photo, kind).to_string());
                fs::create_dir_all(link.parent().ok_or("a file without a folder")?)?;
                fs::hard_link(data_dir.join(ObjectKey::new(first, kind).to_string()), link)?;
            }
        }
    }
    Ok(())
}
