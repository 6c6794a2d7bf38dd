//! `lumina doctor`: it names what is wrong, and nothing else.

use std::time::{Duration, Instant};

use crate::support::binary::Binary;
use crate::support::kept::{Kept, age, command, output};
use crate::support::s3::{Mood, S3Server};
use crate::support::*;

/// Flips a bit of the byte in the middle.
fn damage(path: &std::path::Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn what_is_well_is_said_to_be() {
    for kept in Kept::everywhere().await {
        let alice = kept.app.user("alice").await;
        alice.upload_tagged(jpeg(), "sea").await;
        alice.upload(animations::gif(3)).await;
        let gone = alice.upload(jpeg()).await;
        alice.post(&gone.at("delete"), &[]).await.assert_status(303);
        let before = kept.objects();
        for arguments in [vec![], vec!["--deep"], vec!["--deep", "--repair"]] {
            let examined = kept.doctor(&arguments).await;
            examined.assert_clean();
            assert_eq!(examined.report["photos"], 2, "{}", kept.name());
            let rights = ["put", "get", "range", "list", "delete"];
            let presign = kept.server.as_ref().map(|_| "presign");
            let others = ["configuration", "database", "migrations", "storage", "owner", "counts"];
            for check in rights.into_iter().chain(presign).chain(others) {
                assert_eq!(examined.check(check).0, "ok", "{check}");
            }
            assert_eq!(kept.objects(), before, "the probe is gone again");
        }
        let spoken = kept.run(&["doctor", "--deep"]).await;
        let said = String::from_utf8(spoken.stdout).unwrap();
        assert!(spoken.status.success() && said.contains("all is well"), "{said}");
        assert!(!said.contains("must-not-be-seen") && !said.contains("X-Amz"), "{said}");
        assert!(spoken.stderr.is_empty(), "{:?}", String::from_utf8_lossy(&spoken.stderr));
    }
}

/// D6.
#[tokio::test]
async fn a_flipped_byte_and_a_missing_object_are_named() {
    for kept in Kept::everywhere().await {
        let alice = kept.app.user("alice").await;
        let mut photos = Vec::new();
        for _ in 0..7 {
            photos.push(alice.upload(jpeg()).await);
        }
        let [fine, altered, short, lost, bare, empty, all] = &photos[..] else { panic!() };
        damage(&kept.object(altered, "original"));
        let path = kept.object(short, "original");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[1..]).unwrap();
        std::fs::remove_file(kept.object(lost, "original")).unwrap();
        std::fs::remove_file(kept.object(bare, "medium.webp")).unwrap();
        std::fs::write(kept.object(empty, "small.webp"), "").unwrap();
        for name in ["original", "small.webp", "medium.webp", "large.webp"] {
            std::fs::remove_file(kept.object(all, name)).unwrap();
        }
        let found = |deep: bool| {
            let mut found = vec![
                format!("original_missing {}", lost.id),
                format!("original_missing {}", all.id),
                format!("original_size {}", short.id),
                format!("rendition_missing {}", bare.id),
                format!("rendition_damaged {}", empty.id),
            ];
            found.extend([(); 3].map(|()| format!("rendition_missing {}", all.id)));
            found.extend(deep.then(|| format!("original_altered {}", altered.id)));
            found.sort();
            found
        };
        let quick = kept.doctor(&[]).await;
        assert_eq!(quick.findings(), found(false), "{}", kept.name());
        let deep = kept.doctor(&["--deep"]).await;
        assert_eq!(deep.findings(), found(true), "{}", kept.name());
        assert!(!quick.well && !deep.well);

        let spoken = kept.run(&["doctor", "--deep", "--repair"]).await;
        let said = String::from_utf8(spoken.stdout).unwrap();
        assert!(!spoken.status.success(), "what is lost is not mended");
        for photo in [altered, short, lost, all] {
            assert!(said.contains(&format!("LEFT   photo {}: its original", photo.id)), "{said}");
        }
        for photo in [bare, empty] {
            assert!(said.contains(&format!("mended photo {}: its rendition", photo.id)), "{said}");
        }
        assert!(said.contains("put the file back from a backup"), "{said}");
        let left = kept.doctor(&["--deep"]).await;
        assert!(left.findings().iter().all(|found| !found.contains(&bare.id) && !found.contains(&empty.id)));
        assert_eq!(left.findings().len(), 7, "{:?}", left.findings());
        assert_eq!(kept.app.ask("SELECT count(*) FROM photos"), "7", "no row goes");
        for photo in [fine, bare, empty] {
            alice.get(&photo.at("medium")).await.assert_status(200);
        }
    }
}

#[tokio::test]
async fn what_belongs_to_no_photo_is_removed_when_it_is_old() {
    for kept in Kept::everywhere().await {
        let alice = kept.app.user("alice").await;
        let photo = alice.upload(jpeg()).await;
        let (deleted, coming) = (alice.upload(jpeg()).await, uuid::Uuid::now_v7().to_string());
        let before = kept.objects();
        // On its way out, and one on its way in: an upload that takes days would be announced like this.
        alice.post(&deleted.at("delete"), &[]).await.assert_status(303);
        kept.app.execute(&format!(
            "INSERT INTO removals (photo_id, owner_id, due_at) SELECT '{coming}', id, now() + interval '1 hour' FROM users"
        ));
        for name in ["original", "small.webp"] {
            age(&kept.object(&deleted, name));
        }
        let named = format!("photos/{}/{coming}/original", &coming[34..]);
        kept.leave_behind(&named);
        kept.doctor(&[]).await.assert_clean();

        let id = uuid::Uuid::now_v7().to_string();
        let orphan = format!("photos/{}/{id}/original", &id[34..]);
        let recent = format!("photos/{}/{id}/small.webp", &id[34..]);
        kept.leave_behind(&orphan);
        std::fs::write(kept.root().join(&recent), "on its way").unwrap();
        let beside = kept.object(&photo, "notes.txt").strip_prefix(kept.root()).unwrap().display().to_string();
        let foreign = "photos/readme.txt".to_owned();
        for key in [&beside, &foreign] {
            kept.leave_behind(key);
        }
        let examined = kept.doctor(&[]).await;
        let mut expected =
            [format!("unreferenced {orphan}"), format!("unknown_name {beside}"), format!("unknown_name {foreign}")];
        expected.sort();
        assert_eq!(examined.findings(), expected, "{}", kept.name());
        assert_eq!(kept.doctor(&["--repair"]).await.outcomes(), ["left"; 3], "seen for the first time");
        kept.app.execute("UPDATE strays SET found_at = now() - interval '8 days'");
        let repaired = kept.doctor(&["--repair"]).await;
        assert!(!repaired.well, "what is not Lumina's stays");
        let mut outcomes = repaired.outcomes();
        outcomes.sort();
        assert_eq!(outcomes, ["left", "left", "repaired"]);
        let mut left = [before, vec![named, recent, beside, foreign]].concat();
        left.sort();
        assert_eq!(kept.objects(), left, "{}", kept.name());
    }
}

/// What programs have put into the storage, and copies for a CDN.
#[tokio::test]
async fn what_no_row_names_beside_photos_is_found_too() {
    for kept in Kept::everywhere().await {
        kept.app.user("alice").await;
        let [announced, forgotten, copies, named] = std::array::from_fn(|_| uuid::Uuid::new_v4().to_string());
        kept.app.execute(&format!(
            "INSERT INTO uploads (id, owner_id, filename, size_bytes, expires_at, due_at) \
             VALUES ('{announced}', 1, 'a.jpg', 1, now() + interval '1 hour', now() + interval '2 hours'); \
             INSERT INTO public_copies (id, photo_id, due_at) VALUES ('{named}', gen_random_uuid(), now() + interval '1 hour')"
        ));
        let upload = |id: &str| format!("uploads/{}/{id}", &id[34..]);
        let copy = |id: &str| format!("public/{}/{id}/small.webp", &id[34..]);
        for key in [upload(&announced), upload(&forgotten), copy(&copies), copy(&named)] {
            kept.leave_behind(&key);
        }
        let recent = uuid::Uuid::new_v4().to_string();
        std::fs::write(kept.leave_behind(&upload(&recent)), "of today").unwrap();
        let examined = kept.doctor(&[]).await;
        let mut expected = [upload(&forgotten), copy(&copies)].map(|key| format!("unreferenced {key}"));
        expected.sort();
        assert_eq!(examined.findings(), expected, "{}", kept.name());
        assert_eq!(examined.report["unnamed_objects"], 1);
        assert_eq!(kept.doctor(&["--repair"]).await.outcomes(), ["left", "left"], "seen for the first time");
        kept.app.execute("UPDATE strays SET found_at = now() - interval '8 days'");
        assert_eq!(kept.doctor(&["--repair"]).await.outcomes(), ["repaired", "repaired"]);
        kept.doctor(&[]).await.assert_clean();
        let mut left = [copy(&named), upload(&announced), upload(&recent)];
        left.sort();
        assert_eq!(kept.objects_in(&["public", "uploads"]), left, "{}", kept.name());
    }
}

#[tokio::test]
async fn a_missing_copy_for_a_cdn_is_found_and_made_anew() {
    let server = S3Server::start();
    let mut config = server.config();
    config.public_url = Some("https://cdn.example".into());
    let settings = config.clone();
    let app = TestApp::start_with(|other| other.s3 = Some(settings)).await;
    let alice = app.user("alice").await;
    let photo = alice.upload(jpeg()).await;
    alice.share(&photo, "public").await.unwrap();
    let album = app.state().album.clone();
    let copy = "SELECT public_copy::text FROM photos";
    let published = async || {
        while app.ask(copy).is_empty() {
            album.publish().await.unwrap();
        }
    };
    published().await;
    let doctor = async |arguments: &[&str]| {
        let mut command = command(&[&["doctor", "--json"], arguments].concat(), app.data_dir(), Some(&config));
        command.env("DATABASE_URL", app.database_url());
        let output = output(command).await;
        kept::Examined { well: output.status.success(), report: serde_json::from_slice(&output.stdout).unwrap() }
    };
    doctor(&["--deep"]).await.assert_clean();
    let lost = app.ask(copy);
    std::fs::remove_file(server.bucket().join(format!("public/{}/{lost}/medium.webp", &lost[34..]))).unwrap();
    let examined = doctor(&["--deep"]).await;
    assert_eq!(examined.findings(), [format!("public_copy_missing {}", photo.id)]);
    assert_eq!(doctor(&["--deep", "--repair"]).await.outcomes(), ["repaired"]);
    published().await;
    assert_ne!(app.ask(copy), lost);
    album.publish().await.unwrap();
    doctor(&["--deep"]).await.assert_clean();
}

/// To the wrong database all photos look like litter.
#[tokio::test]
async fn the_photos_of_another_database_are_not_repaired_away() {
    let kept = Kept::on_disk().await;
    kept.app.user("alice").await;
    many_photos(&kept, 1, 25);
    let objects = kept.objects();
    objects.iter().for_each(|key| age(&kept.root().join(key)));
    // An old state of it.
    kept.app.execute("DELETE FROM photos");
    let repaired = kept.doctor(&["--repair"]).await;
    assert_eq!(repaired.outcomes(), vec!["left"; 100], "{}", kept.name());
    assert!(repaired.report.to_string().contains("is this the right database"));
    // Another one.
    kept.app.execute("UPDATE instance SET id = gen_random_uuid()");
    let repaired = kept.doctor(&["--repair"]).await;
    assert_eq!(repaired.check("owner").0, "wrong");
    assert_eq!(repaired.outcomes(), vec!["left"; 100]);
    assert_eq!(kept.objects(), objects);
    // One that does not say whose it is.
    std::fs::remove_file(kept.root().join("instance")).unwrap();
    let repaired = kept.doctor(&["--repair"]).await;
    assert_eq!((repaired.check("owner").0.as_str(), repaired.well), ("note", false));
    assert_eq!(kept.objects(), objects);
    assert!(!kept.root().join("instance").exists(), "it only looks");
}

#[tokio::test]
async fn counts_that_are_wrong_are_found_and_counted_anew() {
    let kept = Kept::on_disk().await;
    let (alice, bob) = (kept.app.user("alice").await, kept.app.user("bob").await);
    for _ in 0..3 {
        alice.upload_tagged(jpeg(), "sea sun").await;
        bob.upload_tagged(jpeg(), "sea").await;
    }
    kept.doctor(&[]).await.assert_clean();
    kept.app.execute(
        "UPDATE photo_counts SET photos = 7 WHERE owner_id = 1; \
         INSERT INTO users (username, email, password_hash) VALUES ('carol', 'carol@example.org', '-'); \
         INSERT INTO photo_counts (owner_id, photos, bytes) VALUES (3, 0, 5); \
         DELETE FROM hashtag_counts WHERE owner_id = 1 AND hashtag_id = 2; DELETE FROM photo_counts WHERE owner_id = 2",
    );
    let examined = kept.doctor(&[]).await;
    assert_eq!(examined.findings(), ["miscounted 1", "miscounted 2", "miscounted 3"]);
    assert_eq!(examined.report["findings"][0]["counts"], 2);
    assert_eq!(kept.doctor(&["--repair"]).await.outcomes(), ["repaired"; 3]);
    kept.doctor(&[]).await.assert_clean();
    let sizes = "SELECT bool_and(bytes = (SELECT sum(size_bytes) FROM photos WHERE owner_id = counts.owner_id))::text FROM photo_counts AS counts";
    assert_eq!(kept.app.ask(sizes), "true");
    assert_eq!(kept.app.ask("SELECT string_agg(photos::text, ' ' ORDER BY owner_id) FROM photo_counts"), "3 3");
    assert_eq!(kept.app.ask("SELECT sum(photos) FROM hashtag_counts"), "9");
}

#[tokio::test]
async fn what_the_instance_lacks_is_named() {
    let folder = cluster::scratch();
    let server = s3::S3Server::start();
    let config = server.config();
    let doctor = |database: String, s3| {
        let mut command = command(&["doctor", "--json"], &folder.path().join("data"), s3);
        command.env("DATABASE_URL", database);
        async {
            let output = output(command).await;
            assert!(!output.status.success());
            let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
            kept::Examined { report, well: false }
        }
    };
    let never = doctor("postgres://lumina@127.0.0.1:1/lumina".into(), None).await;
    assert!(never.check("folder").1.contains("no Lumina was ever started"), "{:?}", never.report);
    assert!(!folder.path().join("data").exists(), "it only looks");
    std::fs::create_dir_all(folder.path().join("data/photos")).unwrap();
    std::fs::write(folder.path().join("data/lock"), "").unwrap();
    let nowhere = doctor("postgres://lumina:must-not-be-seen@127.0.0.1:1/lumina".into(), None).await;
    assert_eq!(nowhere.check("database").0, "wrong");
    assert_eq!(nowhere.check("delete").0, "ok", "the rest is looked at all the same");
    assert!(!nowhere.report.to_string().contains("must-not-be-seen"));

    let empty = Database::empty();
    let old = doctor(empty.url(), None).await;
    assert_eq!((old.check("database").0, old.check("migrations").0), ("ok".into(), "wrong".into()));
    assert!(old.check("migrations").1.contains("lumina migrate"));
    let tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'";
    assert_eq!(db::ask(&mut empty.connect(), tables), "0", "it only looks");

    let database = Database::create();
    server.becomes(Mood::Ahead);
    let ahead = doctor(database.url(), Some(&config)).await;
    assert!(ahead.check("storage").1.contains("clock"), "{:?}", ahead.check("storage"));
    server.becomes(Mood::Well);
    let mut other = config.clone();
    other.bucket_name = "other".into();
    let absent = doctor(database.url(), Some(&other)).await;
    assert!(absent.check("storage").1.contains("There is no bucket"), "{:?}", absent.check("storage"));
    assert!(!absent.report.to_string().contains("must-not-be-seen"));

    let mut command = Binary::command();
    command.args(["doctor", "--json"]).env("DATA_DIR", folder.path()).env("BIND", "here").env("S3__BUCKET_NAME", "x");
    let output = output(command).await;
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!output.status.success());
    let said = report["checks"][0]["detail"].as_str().unwrap();
    assert!(said.contains("bind") && said.contains("s3.aws_access_key_id is missing"), "{said}");
}

/// A bucket that lets in and out, and nothing more.
#[tokio::test]
async fn a_right_that_is_missing_is_named() {
    let kept = Kept::in_bucket().await;
    let alice = kept.app.user("alice").await;
    alice.upload(jpeg()).await;
    kept.server.as_ref().unwrap().becomes(Mood::NoDelete);
    let examined = kept.doctor(&[]).await;
    assert!(!examined.well);
    assert_eq!((examined.check("put").0, examined.check("delete").0), ("ok".into(), "wrong".into()));
    assert!(examined.check("delete").1.contains("AccessDenied"), "{:?}", examined.check("delete"));
}

/// Rows and objects as small as they get: what is compared is the same.
fn many_photos(kept: &Kept, owner: i64, count: u32) {
    kept.app.execute(&format!(
        "INSERT INTO photos (id, owner_id, filename, content_type, size_bytes, sha256, width, height, taken_at, renditions_version) \
         SELECT id, {owner}, 'a.jpg', 'image/jpeg', 36, sha256(id::text::bytea), 1, 1, now(), {} \
         FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, {count})) AS ids",
        lumina::media::VERSION
    ));
    let ids = kept.app.ask("SELECT string_agg(id::text, ' ') FROM photos");
    for id in ids.split(' ') {
        let folder = kept.root().join("photos").join(&id[34..]).join(id);
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["original", "small.webp", "medium.webp", "large.webp"] {
            let path = folder.join(name);
            if !path.exists() {
                std::fs::write(&path, id).unwrap();
                age(&path);
            }
        }
    }
}

/// D6: no false alarm, while people upload and delete. `LUMINA_LIBRARY=10000` says how many photos there are.
#[tokio::test]
async fn in_a_library_in_use_nothing_is_found_that_is_not_there() {
    let asked = std::env::var("LUMINA_LIBRARY").ok().and_then(|count| count.parse().ok());
    for (kept, count) in Kept::everywhere().await.into_iter().zip([500, 50]) {
        let count = asked.unwrap_or(count);
        let alice = kept.app.user("alice").await;
        many_photos(&kept, 1, count);
        let sweeper = kept.app.state().album.clone();
        let busy: Vec<_> = (0..3)
            .map(|n| {
                let (alice, sweeper) = (alice.clone(), sweeper.clone());
                let mut conn = kept.app.connect();
                tokio::spawn(async move {
                    loop {
                        let photo = alice.upload(if n == 0 { png() } else { jpeg() }).await;
                        alice.post(&photo.at("delete"), &[]).await.assert_status(303);
                        let due = "UPDATE removals SET due_at = now() WHERE photo IS NOT NULL";
                        diesel::connection::SimpleConnection::batch_execute(&mut conn, due).unwrap();
                        sweeper.sweep().await.unwrap();
                    }
                })
            })
            .collect();
        let begun = Instant::now();
        let examined = kept.doctor(&[]).await;
        let took = begun.elapsed();
        examined.assert_clean();
        assert!(examined.report["photos"].as_u64().unwrap() >= u64::from(count));
        assert!(took < Duration::from_secs(60), "{took:?}");
        // A needle in the same haystack.
        let id = kept.app.ask("SELECT min(id::text) FROM photos WHERE size_bytes = 36");
        damage(&kept.object(&Photo { id: id.clone() }, "original"));
        let deep = kept.doctor(&["--deep"]).await;
        assert_eq!(deep.findings(), [format!("original_altered {id}")], "{}", kept.name());
        assert!(busy.iter().all(|busy| !busy.is_finished()), "it was in use all the time");
        busy.iter().for_each(tokio::task::JoinHandle::abort);
    }
}
