//! Work on the whole library takes as long as it takes: no deadline of a request ends it.

use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use futures_util::future::join_all;
use lumina::album::library;

use crate::backup::{Bare, said};
use crate::support::kept::{Kept, write_settings};
use crate::support::proxy::Fault;
use crate::support::s3::S3Server;
use crate::support::*;

/// For how long the storage keeps a command busy at least: longer than any deadline of a request, and with
/// `./dev test --chaos` more than a minute.
fn long() -> Duration {
    Duration::from_secs(if std::env::var_os("LUMINA_CHAOS").is_some() { 65 } else { 17 })
}

/// By how much the slow bucket's answers are late: less than Lumina waits for one.
const SLOW: Duration = Duration::from_secs(4);

#[tokio::test]
async fn a_backup_and_a_copy_of_a_slow_bucket_take_their_time_and_are_whole() {
    let kept = Kept::in_bucket().await;
    let alice = kept.app.user("alice").await;
    // Sixteen photos are copied at a time, and each one's four objects one after the other.
    let photos = 3 + (long().as_secs() as usize - 17) / (4 * SLOW.as_secs() as usize) * 16;
    for _ in 0..photos {
        alice.upload(jpeg()).await;
    }
    let folder = cluster::scratch();
    let (backup, next) = (folder.path().join("backup"), folder.path().join("next.yaml"));
    let target = S3Server::start();
    write_settings(&next, kept.app.data_dir(), Some(&target.config()));
    kept.server.as_ref().unwrap().suffers(Fault::Slows(SLOW), None);
    let timed = async |arguments: &[&str]| {
        let begun = Instant::now();
        let done = kept.run(arguments).await;
        assert!(done.status.success() && begun.elapsed() > long(), "{:?}: {}", begun.elapsed(), said(&done));
    };
    let arguments = [vec!["backup", backup.to_str().unwrap()], vec!["storage", "copy", "--to", next.to_str().unwrap()]];
    join_all(arguments.iter().map(|arguments| timed(arguments))).await;
    let restored = Bare::new(None).restore(&backup).await;
    assert!(
        restored.status.success() && said(&restored).contains(&format!("{photos} photos, ")),
        "{}",
        said(&restored)
    );
    assert_eq!(target.objects().len(), 4 * photos);
}

#[tokio::test]
async fn a_walk_through_all_rows_may_pause_for_as_long_as_it_likes() {
    let app = TestApp::start().await;
    app.user("alice").await.upload(jpeg()).await;
    app.execute(
        "INSERT INTO photos SELECT (jsonb_populate_record(photos, jsonb_build_object('id', gen_random_uuid(), \
         'sha256', '\\x' || encode(sha256(n::text::bytea), 'hex')))).* FROM photos, generate_series(1, 4999) AS n",
    );
    let mut rows = library::rows(&app.state().db);
    assert!(rows.try_next().await.unwrap().is_some());
    tokio::time::sleep(long()).await;
    assert_eq!(rows.try_fold(1, async |count, _| Ok(count + 1)).await.unwrap(), 5000);
}
