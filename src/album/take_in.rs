//! Taking a photo in: identify, look for the same bytes, decode once, store the objects, insert the row.

use chrono::{DateTime, Utc};
use diesel::PgConnection;

use crate::album::decoders::Memory;
use crate::album::{Album, Staged};
use crate::error::AppError;
use crate::failpoints::FailPoint;
use crate::media::{self, MediaError, Processed};
use crate::models::{DateSource, Hashtag, Made, NewPhoto, Photo, PhotoFacts, PhotoId, Quota, UserId, hashtag, removal};
use crate::storage::{Kind, ObjectKey, Received};

/// A file that is a photo now.
#[derive(Debug)]
pub struct Taken {
    /// The photo.
    pub photo: Photo,
    /// All that it carries.
    pub hashtags: Vec<String>,
    /// The owner had these bytes before: this is that photo, with the new hashtags added to it.
    pub already_here: bool,
}

/// Why a file did not become a photo.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// Because of the file itself; the text is for the one who sent it.
    #[error(transparent)]
    Refused(#[from] MediaError),
    /// Because of us.
    #[error(transparent)]
    Failed(#[from] AppError),
}

impl NotTaken {
    /// As the error of working on a photo that was taken in before: then a refusal is a fault of ours.
    pub(super) fn of_our_own(self) -> AppError {
        match self {
            Self::Refused(error) => AppError::internal(error),
            Self::Failed(error) => error,
        }
    }
}

impl Album {
    /// Makes a file that has arrived a photo of `owner`. When this returns it is kept for good.
    ///
    /// # Errors
    /// [`NotTaken`]; nothing is kept then, though its removal may wait for the sweeper.
    pub async fn take_in(&self, owner: UserId, staged: Staged, hashtags: Vec<Hashtag>) -> Result<Taken, NotTaken> {
        self.take_in_and(owner, staged, hashtags, |_, _| Ok(())).await
    }

    /// As [`Album::take_in`]; `also` is done in the transaction that keeps the photo, or finds it here: both or neither.
    ///
    /// # Errors
    /// As [`Album::take_in`], and those of `also`.
    pub async fn take_in_and(
        &self,
        owner: UserId,
        staged: Staged,
        hashtags: Vec<Hashtag>,
        also: impl Fn(&mut PgConnection, &mut Taken) -> Result<(), AppError> + Clone + Send + 'static,
    ) -> Result<Taken, NotTaken> {
        let size = staged.size;
        let taken = self.take_in_uncounted(owner, staged, hashtags, also).await;
        self.instruments.came(size, &taken);
        taken
    }

    async fn take_in_uncounted(
        &self,
        owner: UserId,
        staged: Staged,
        hashtags: Vec<Hashtag>,
        also: impl Fn(&mut PgConnection, &mut Taken) -> Result<(), AppError> + Clone + Send + 'static,
    ) -> Result<Taken, NotTaken> {
        let format = media::identify(&staged.head)?;
        let (sha256, names, early) = (staged.sha256.clone(), hashtags.clone(), also.clone());
        let size = i64::try_from(staged.size).map_err(AppError::internal)?;
        let known = self.db.write(move |conn| {
            let mut known = already_here(conn, owner, &sha256, size, &names)?;
            known.iter_mut().try_for_each(|known| early(conn, known))?;
            Ok::<_, AppError>(known)
        });
        let known = known.await?;
        if let Some(known) = known {
            return Ok(known);
        }
        let Staged { file, filename, size: _, sha256, head: _ } = staged;
        let file = file.ok_or_else(|| NotTaken::Failed(self.too_much_at_once()))?;
        let (file, processed, memory) = self.process(file, format, &sha256).await?;
        FailPoint::Processed.reach();
        let id = PhotoId::generate();
        self.db.write(move |conn| removal::announce(conn, owner, id)).await?;
        FailPoint::Announced.reach();
        let (taken_at, source) = dated(&processed, &filename).unwrap_or((Utc::now(), DateSource::Nothing));
        let new = NewPhoto {
            id,
            owner_id: owner,
            filename,
            content_type: format.content_type(),
            size_bytes: size,
            sha256,
            taken_at,
            date_source: source.as_str(),
            made: made(&processed)?,
            facts: facts(&processed),
        };
        let kept = self.keep(new, (file, processed, memory), hashtags, also).await;
        // Objects without a row go at once, not in an hour.
        if !kept.as_ref().is_ok_and(|taken| taken.photo.id == id)
            && let Err(error) = self.db.write(move |conn| removal::hasten(conn, owner, id)).await
        {
            tracing::warn!(photo = %id, %error, "objects of a failed upload stay until they are swept");
        }
        Ok(kept?)
    }

    /// Objects first, row last: a row never names bytes that are not there.
    async fn keep(
        &self,
        new: NewPhoto,
        (file, processed, memory): (Received, Processed, Memory),
        hashtags: Vec<Hashtag>,
        also: impl Fn(&mut PgConnection, &mut Taken) -> Result<(), AppError> + Send + 'static,
    ) -> Result<Taken, AppError> {
        let (id, owner) = (new.id, new.owner_id);
        for rendition in processed.renditions {
            let key = ObjectKey::new(id.0, Kind::Rendition(rendition.name));
            self.storage.put_bytes(key, rendition.bytes).await?;
            FailPoint::RenditionPut.reach();
        }
        drop(memory);
        self.storage.put_file(ObjectKey::new(id.0, Kind::Original), file).await?;
        FailPoint::OriginalPut.reach();
        let kept = self
            .db
            .write(move |conn| {
                // The same file may have come twice at the same time.
                if let Some(mut known) = already_here(conn, owner, &new.sha256, new.size_bytes, &hashtags)? {
                    also(conn, &mut known)?;
                    return Ok(Some(known));
                }
                if !removal::withdraw(conn, id)? {
                    // The sweeper was there already and will not come again by itself.
                    removal::hasten(conn, owner, id)?;
                    return Ok(None);
                }
                let photo = new.insert(conn)?;
                let mut taken = with_hashtags(conn, photo, &hashtags, false)?;
                also(conn, &mut taken)?;
                FailPoint::Inserted.reach();
                Ok::<_, AppError>(Some(taken))
            })
            .await?;
        FailPoint::Kept.reach();
        kept.ok_or_else(|| AppError::unavailable("taking the photo in took too long"))
    }
}

/// The photo of `owner` with these bytes, if there is one, with `hashtags` added; [`AppError::Invalid`] when it would carry
/// too many. If there is none, there is room for one of this size, or the error is [`AppError::OverQuota`]. Until the
/// transaction ends nobody else takes in a photo of this owner: what holds here holds for what is inserted in it.
fn already_here(
    conn: &mut PgConnection,
    owner: UserId,
    sha256: &[u8],
    size: i64,
    hashtags: &[Hashtag],
) -> Result<Option<Taken>, AppError> {
    hashtag::lock_owner(conn, owner)?;
    let known = Photo::with_bytes(conn, owner, sha256)?;
    let Some(taken) = known.map(|photo| with_hashtags(conn, photo, hashtags, true)).transpose()? else {
        Quota::of(conn, owner)?.admit(size)?;
        return Ok(None);
    };
    let count = taken.hashtags.len();
    if count > hashtag::MOST_PER_PHOTO && !hashtags.is_empty() {
        return Err(AppError::Invalid(format!(
            "This photo is already here, and would have {count} hashtags with these; a photo has at most {}. Send it with fewer.",
            hashtag::MOST_PER_PHOTO
        )));
    }
    Ok(Some(taken))
}

fn with_hashtags(
    conn: &mut PgConnection,
    photo: Photo,
    hashtags: &[Hashtag],
    already_here: bool,
) -> diesel::QueryResult<Taken> {
    if !hashtags.is_empty() {
        Hashtag::add(conn, photo.owner_id, &[photo.id], hashtags)?;
    }
    let hashtags = Hashtag::of_photo(conn, photo.id)?;
    Ok(Taken { photo, hashtags, already_here })
}

/// What the row says of the renditions.
pub(super) fn made(processed: &Processed) -> Result<Made, AppError> {
    Ok(Made {
        width: i32::try_from(processed.width).map_err(AppError::internal)?,
        height: i32::try_from(processed.height).map_err(AppError::internal)?,
        placeholder: processed.placeholder.clone(),
        animated: processed.animated,
        renditions_version: media::VERSION,
    })
}

/// When the photo was taken, by what the file says of itself, else by its name.
pub(super) fn dated(processed: &Processed, filename: &str) -> Option<(DateTime<Utc>, DateSource)> {
    let by_camera = processed.facts.taken_at.map(|at| (at, DateSource::Camera));
    by_camera.or_else(|| media::date_in_name(filename, Utc::now()).map(|at| (at, DateSource::FileName)))
}

/// What the row says of what the file says.
pub(super) fn facts(processed: &Processed) -> PhotoFacts {
    let media::Facts { camera, lens, exposure, place, utc_offset_minutes, .. } = &processed.facts;
    PhotoFacts {
        camera: camera.clone(),
        lens: lens.clone(),
        exposure_seconds: exposure.seconds,
        f_number: exposure.f_number,
        iso: exposure.iso.and_then(|iso| i32::try_from(iso).ok()),
        focal_length_mm: exposure.focal_length_mm,
        latitude: place.map(|place| place.latitude),
        longitude: place.map(|place| place.longitude),
        utc_offset_minutes: *utc_offset_minutes,
    }
}
