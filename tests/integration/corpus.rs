//! Every file of the corpora, sent to the real program one by one and eight at once.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use sha2::{Digest, Sha256};

use self::table::{Outcome, TABLE, Table};
use crate::support::binary::Binary;
use crate::support::corpora::{corpora, files_below};
use crate::support::db::{ask, connect, private_url};
use crate::support::{Client, Upload, cluster};

/// Most CPU time that one file may take, of the program and what it starts: 2 s. Without optimisation it takes up to twelve
/// times as long (a photo of 24 megapixels 4.9 s instead of 0.4), which says nothing about the file; then only what hangs
/// is found. `LUMINA_BINARY=target/release/lumina` measures what people run.
fn most_cpu() -> Duration {
    Duration::from_secs(if Binary::is_optimised() { 2 } else { 10 })
}

/// Most memory of the program.
const MOST_MEMORY: u64 = 512 << 20;

/// No answer takes longer, even while seven others are worked on by a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn every_file_is_kept_or_refused_with_a_reason_and_none_does_harm() {
    let Some(corpora) = corpora() else { return };
    let folder = cluster::scratch();
    let data_dir = folder.path().join("data");
    let mut lumina = Binary::start(&data_dir);
    let (alice, bob) = (lumina.visitor(), lumina.visitor());
    alice.register("alice").await.assert_status(303);
    bob.register("bob").await.assert_status(303);
    let files = files_below(&corpora);

    // One by one.
    let (mut outcomes, mut costs) = (Vec::new(), Vec::new());
    for file in &files {
        let before = lumina.cpu();
        outcomes.push(send(&alice, file).await);
        costs.push((lumina.cpu() - before, file));
    }
    costs.sort();
    for (cost, file) in costs.iter().rev().take(5) {
        println!("{cost:?} of CPU: {}", file.display());
    }
    let whole: Duration = costs.iter().map(|(cost, _)| *cost).sum();
    println!("{whole:?} of CPU in all; at most {} MiB", lumina.most_memory() >> 20);
    let table = Table::of(&corpora, &files, &outcomes);
    assert!(table.to_string() == TABLE, "another table than expected:\n{table}");
    for (cost, file) in costs {
        assert!(cost <= most_cpu(), "{cost:?}: {}", file.display());
    }

    // Eight at once: the same comes of each, whatever its neighbours are.
    let before = lumina.cpu();
    let at_once: Vec<_> = stream::iter(&files).map(|file| send(&bob, file)).buffered(8).collect().await;
    println!("eight at once: {:?} of CPU; at most {} MiB", lumina.cpu() - before, lumina.most_memory() >> 20);
    for ((file, alone), together) in files.iter().zip(&outcomes).zip(&at_once) {
        assert_eq!(alone, together, "{}", file.display());
    }

    assert!(lumina.most_memory() < MOST_MEMORY, "{} MiB", lumina.most_memory() >> 20);
    assert!(lumina.runs());
    lumina.visitor().get("/health").await.assert_status(200);
    let log = std::fs::read_to_string(data_dir.with_extension("log")).unwrap();
    assert!(!log.contains("panicked"), "{log}");
    let taken = files.iter().zip(&outcomes).filter(|(_, outcome)| **outcome == Outcome::Accepted);
    only_these_are_kept(&data_dir, taken.map(|(file, _)| file).collect());
}

/// Sends a file by the plain form, and reads what the page says.
async fn send(client: &Client, file: &Path) -> Outcome {
    let name = file.file_name().unwrap().to_string_lossy();
    let upload = Upload::new().file(&name, std::fs::read(file).unwrap());
    let answer = tokio::time::timeout(PATIENCE, client.post_upload(upload)).await;
    let answer = answer.unwrap_or_else(|_| panic!("no answer within {PATIENCE:?}: {}", file.display()));
    Outcome::of(&answer).unwrap_or_else(|| panic!("{}: {answer:?}", file.display()))
}

/// Both people have each of these bytes once, whole; of other files there is nothing.
fn only_these_are_kept(data_dir: &Path, files: Vec<&PathBuf>) {
    let mut conn = connect(&private_url(data_dir));
    let hash =
        |file: &PathBuf| Sha256::digest(std::fs::read(file).unwrap()).iter().map(|b| format!("{b:02x}")).collect();
    let expected: BTreeSet<String> = files.into_iter().map(hash).collect();
    let mut hashes = |owner: &str| -> Vec<String> {
        let of_owner = format!("WHERE owner_id = (SELECT id FROM users WHERE username = '{owner}')");
        let hashes = ask(&mut conn, &format!("SELECT string_agg(encode(sha256, 'hex'), ' ') FROM photos {of_owner}"));
        let mut hashes: Vec<_> = hashes.split(' ').map(str::to_owned).collect();
        hashes.sort();
        hashes
    };
    for owner in ["alice", "bob"] {
        assert!(hashes(owner).iter().eq(expected.iter()), "{owner} has each of what was accepted, once");
    }
    let ids = ask(&mut conn, "SELECT string_agg(concat(id, '=', 4 + animated::int), ' ' ORDER BY id) FROM photos");
    let mut stored: BTreeMap<String, usize> = BTreeMap::new();
    for path in files_below(&data_dir.join("photos")) {
        *stored.entry(path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned()).or_default() += 1;
    }
    let stored: Vec<_> = stored.into_iter().map(|(id, files)| format!("{id}={files}")).collect();
    assert_eq!(stored.join(" "), ids, "an original and its renditions for each row, and nothing else");
    assert_eq!(files_below(&data_dir.join("tmp")), Vec::<PathBuf>::new());
}
