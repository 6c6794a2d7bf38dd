//! The look at the bucket at the start: what is wrong with the settings is said before anyone uploads.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::sleep;

use super::client::Client;
use super::failure::Failure;
use super::retry::pause;
use crate::config::S3Config;

/// How often a storage is asked that does not answer: it may be starting beside us.
const TRIES: u32 = 6;

/// After this it is not asked again.
const PATIENCE: Duration = Duration::from_secs(10);

/// By how much clocks may differ; signatures are refused at 15 minutes.
const CLOCKS: Duration = Duration::from_secs(300);

/// Why the bucket cannot be used, and what to do, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BucketProblem(String);

/// Finds out whether the bucket is there and may be used.
pub(super) async fn check(client: &Client, config: &S3Config, first_pause: Duration) -> Result<(), BucketProblem> {
    let begun = Instant::now();
    for earlier in 0.. {
        let Err((failure, date)) = client.list_one().await else { break };
        if failure.may_pass() && earlier + 1 < TRIES && begun.elapsed() < PATIENCE {
            sleep(pause(first_pause, earlier)).await;
            continue;
        }
        return Err(match date.as_deref().and_then(clock_is_off_by) {
            Some(minutes) => BucketProblem(format!(
                "This machine's clock is {minutes} minutes away from that of {}, which refuses its requests: set it right, \
                 such as by NTP. ({failure})",
                config.endpoint()
            )),
            None => BucketProblem::of(&failure, config),
        });
    }
    Ok(())
}

impl BucketProblem {
    pub(super) fn of(failure: &Failure, config: &S3Config) -> Self {
        let (bucket, endpoint) = (&config.bucket_name, config.endpoint());
        let what = match failure.code() {
            "NoSuchBucket" => {
                format!("There is no bucket {bucket:?} at {endpoint}: create it there, or correct s3.bucket_name.")
            }
            "InvalidAccessKeyId" | "NotSignedUp" => {
                format!("{endpoint} does not know the key: correct s3.aws_access_key_id.")
            }
            "SignatureDoesNotMatch" => {
                format!("{endpoint} refuses the key: correct s3.aws_secret_access_key.")
            }
            "RequestTimeTooSkewed" => {
                format!("This machine's clock differs from that of {endpoint}: set it right, such as by NTP.")
            }
            "AuthorizationHeaderMalformed"
            | "AuthorizationQueryParametersError"
            | "PermanentRedirect"
            | "TemporaryRedirect"
            | "IllegalLocationConstraintException" => {
                format!("{endpoint} has the bucket {bucket:?} in another region: correct s3.region_name.")
            }
            "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => format!(
                "{endpoint} does not let the key use the bucket {bucket:?}: correct s3.aws_access_key_id and \
                 s3.aws_secret_access_key, or give that key the right to list, read, write and delete there."
            ),
            _ if failure.is_distrust() => format!(
                "The certificate of {endpoint} is not trusted: correct s3.endpoint_url, or add the authority that signed it \
                 to the system's certificates, or name its file in the environment variable SSL_CERT_FILE."
            ),
            _ if failure.is_unsendable() => format!(
                "The settings of s3 make no address for the bucket {bucket:?}: correct s3.endpoint_url or s3.path_style."
            ),
            _ if failure.is_silence() => {
                format!("Nothing answers at {endpoint}: correct s3.endpoint_url, or start the storage there.")
            }
            "" => format!("What answers at {endpoint} is no S3 storage: correct s3.endpoint_url."),
            _ => format!("{endpoint} does not give access to the bucket {bucket:?}: check the settings of s3."),
        };
        Self(format!("{what} ({failure})"))
    }
}

/// How far our clock is ahead of an answer's `Date`.
pub(super) fn clock_offset(date: &str) -> Option<TimeDelta> {
    Some(Utc::now() - DateTime::parse_from_rfc2822(date).ok()?.to_utc())
}

/// By how many minutes our clock differs from an answer's `Date`, if that is too much.
fn clock_is_off_by(date: &str) -> Option<u64> {
    let apart = clock_offset(date)?.abs().to_std().ok()?;
    (apart > CLOCKS).then_some(apart.as_secs() / 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_off_when_signatures_are_in_danger() {
        let in_an_hour = (Utc::now() + chrono::TimeDelta::minutes(61)).to_rfc2822();
        assert_eq!(clock_is_off_by(&in_an_hour), Some(60));
        assert_eq!(clock_is_off_by(&Utc::now().to_rfc2822()), None);
        assert_eq!(clock_is_off_by("Sun, 06 Nov 1994 08:49:37 GMT").map(|minutes| minutes > 1_000_000), Some(true));
        assert_eq!(clock_is_off_by("noon"), None);
    }
}
