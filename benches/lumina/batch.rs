//! S6: pages while others make the server work.

use std::cell::Cell;
use std::path::PathBuf;

use actix_web::rt::task::spawn_blocking;
use actix_web::web::Bytes;
use diesel::connection::SimpleConnection;
use futures_util::future::{join, join_all};
use futures_util::{StreamExt, stream};

use crate::data::{Server, THOUSAND};
use crate::load::{CONNECTIONS, ROUNDS, wrk};
use crate::process::{Lumina, idle_seconds};
use crate::uploads::{photos, remove, upload};
use crate::{Row, median};

/// Photos of a batch: the first half shows how busy it keeps the cores, the second how pages do meanwhile.
const BATCH: usize = 200;
/// Files that a browser sends at the same time.
const AT_ONCE: usize = 3;
/// Who log in at the same time.
const PEOPLE: usize = 100;

pub async fn measure(server: &Server) -> Vec<Row> {
    let (lumina, cookie) = server.lumina(THOUSAND).await;
    let ask = || wrk(&lumina.url("/photos"), &[("Cookie", &cookie)]).p99;
    ask();
    let idle = median((0..ROUNDS).map(|_| ask()));

    let names = people(server);
    eprintln!("S6, {PEOPLE} people log in");
    let logins = median(during(&lumina, &cookie, join_all(names.iter().map(|name| lumina.log_in(name)))).await);

    let folder = tempfile::tempdir_in(&server.folder).unwrap();
    let sizes = [(4000, 3000), (6000, 4000)];
    let photos: Vec<_> = sizes.into_iter().flat_map(|(width, height)| photos(folder.path(), width, height)).collect();
    eprintln!("S6, {BATCH} photos");
    let before = (lumina.cpu_seconds(), idle_seconds());
    send(&lumina, &cookie, &photos, BATCH / 2).await;
    let used = (lumina.cpu_seconds() - before.0).total();
    let busy = used / (used + idle_seconds() - before.1);
    let uploads = median(during(&lumina, &cookie, send(&lumina, &cookie, &photos, BATCH / 2)).await);
    drop(lumina);
    remove(server, THOUSAND);

    let batch = format!("{BATCH} photos of 12 and 24 megapixels, {AT_ONCE} at a time");
    let row = |work: String, p99: f64| Row {
        name: "S6",
        work: format!("gallery page while {work}, {CONNECTIONS} connections"),
        measured: format!("p99 {p99:.1} ms"),
        against: format!("{idle:.1} ms, idle"),
        result: format!("{:.2}", p99 / idle),
        goal: "≤ 3".to_owned(),
        reached: p99 / idle <= 3.0,
    };
    let busy = Row {
        name: "S6",
        work: format!("cores' time that Lumina takes of what nobody else does, taking in {batch}"),
        measured: format!("{:.0} %", 100.0 * busy),
        against: "–".to_owned(),
        result: format!("{:.0} %", 100.0 * busy),
        goal: "≥ 90 %".to_owned(),
        reached: busy >= 0.9,
    };
    vec![row(format!("{PEOPLE} people log in at once"), logins), row(format!("taking in {batch}"), uploads), busy]
}

/// The p99 of rounds of wrk for as long as the work takes.
async fn during(lumina: &Lumina, cookie: &str, work: impl Future) -> Vec<f64> {
    let done = Cell::new(false);
    let work = async {
        work.await;
        done.set(true);
    };
    let rounds = async {
        let mut p99 = Vec::new();
        while !done.get() {
            let (url, cookie) = (lumina.url("/photos"), cookie.to_owned());
            let answers = spawn_blocking(move || wrk(&url, &[("Cookie", &cookie)])).await.unwrap();
            // The last round is partly idle.
            if !done.get() || p99.is_empty() {
                p99.push(answers.p99);
            }
        }
        p99
    };
    join(work, rounds).await.1
}

async fn send(lumina: &Lumina, cookie: &str, photos: &[(PathBuf, Bytes)], count: usize) {
    let all = stream::iter(photos.iter().cycle().take(count));
    all.for_each_concurrent(AT_ONCE, |(_, photo)| upload(lumina, cookie, photo)).await;
}

/// Accounts with the owner's password.
fn people(server: &Server) -> Vec<String> {
    let sql = format!(
        "INSERT INTO users (username, email, password_hash) \
         SELECT 'person' || n, 'person' || n || '@example.org', (SELECT password_hash FROM users ORDER BY id LIMIT 1) \
         FROM generate_series(1, {PEOPLE}) AS n ON CONFLICT DO NOTHING"
    );
    server.connect(THOUSAND.database).batch_execute(&sql).unwrap();
    (1..=PEOPLE).map(|n| format!("person{n}")).collect()
}
