//! S1 and S2: pages of the gallery.

use crate::data::{MILLION, Photos, SHARED, Server, THOUSAND};
use crate::load::{Answers, CONNECTIONS, ROUNDS, pgbench, wrk};
use crate::overheard::Statements;
use crate::process::Lumina;
use crate::{Row, median};

const GALLERY: &str = "/photos";

/// S1: the first page over HTTP against its SQL by pgbench.
pub async fn first_page(server: &Server) -> Vec<Row> {
    let statements = Statements::of(server, SHARED, GALLERY).await;
    let (lumina, cookie) = server.lumina(SHARED).await;
    let page = lumina.page(GALLERY, &cookie).await;
    assert_eq!(page.matches("data-id=").count(), 60);
    let url = lumina.url(GALLERY);
    let (mut plain, mut gzip, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        eprintln!("S1, round {round} of {ROUNDS}");
        let taken = (
            wrk(&url, &[("Cookie", &cookie)]).per_second,
            wrk(&url, &[("Cookie", &cookie), ("Accept-Encoding", "gzip")]).per_second,
            pgbench(&server.url(SHARED.database), &statements, &server.folder),
        );
        // The first one warms up.
        if round > 0 {
            plain.push(taken.0);
            gzip.push(taken.1);
            bare.push(taken.2);
        }
    }
    let row = |rates: &[f64], how: &str| {
        let ratio = median(rates.iter().zip(&bare).map(|(rate, bare)| rate / bare));
        Row {
            name: "S1",
            work: format!(
                "first gallery page, 60 of an owner's 100 000 of 1 000 000 photos{how}, {CONNECTIONS} connections"
            ),
            measured: format!("{:.0}/s", median(rates.iter().copied())),
            against: format!("{:.0}/s, its SQL by pgbench", median(bare.iter().copied())),
            result: format!("{ratio:.2}"),
            goal: "≥ 0.6".to_owned(),
            reached: ratio >= 0.6,
        }
    };
    vec![row(&plain, ""), Row { goal: "–".to_owned(), reached: true, ..row(&gzip, ", gzipped") }]
}

/// S2: pages of a million photos against the first page of a thousand.
pub async fn other_pages(server: &Server) -> Vec<Row> {
    let (small, small_cookie) = server.lumina(THOUSAND).await;
    let mut rows = Vec::new();
    for (whose, photos) in [("an owner's 100 000 of", SHARED), ("one owner's", MILLION)] {
        let (large, cookie) = server.lumina(photos).await;
        let deep = format!("{GALLERY}?after={}", middle(server, photos));
        let pages = [
            ("page in the middle", deep),
            ("one hashtag", format!("{GALLERY}?hashtag=family")),
            ("three hashtags", format!("{GALLERY}?hashtag=family&hashtag=travel&hashtag=summer")),
            ("two that never meet", format!("{GALLERY}?hashtag=wide&hashtag=tall")),
            ("a rare and a common one", format!("{GALLERY}?hashtag=family&hashtag=comet")),
        ];
        for (what, path) in pages {
            let (p99, against) = compare((&large, &path, &cookie), (&small, GALLERY, &small_cookie));
            let ratio = median(p99.iter().zip(&against).map(|(one, other)| one / other));
            eprintln!("S2, {what}, {whose} 1 000 000: {ratio:.2}");
            rows.push(Row {
                name: "S2",
                work: format!("{what}, {whose} 1 000 000 photos"),
                measured: format!("p99 {:.1} ms", median(p99)),
                against: format!("{:.1} ms, first page at 1 000 photos", median(against)),
                result: format!("{ratio:.2}"),
                goal: "≤ 1.5".to_owned(),
                reached: ratio <= 1.5,
            });
        }
    }
    rows
}

type Asked<'a> = (&'a Lumina, &'a str, &'a str);

/// The p99 of both, in turns.
fn compare(one: Asked<'_>, other: Asked<'_>) -> (Vec<f64>, Vec<f64>) {
    let ask = |(lumina, path, cookie): Asked<'_>| -> Answers { wrk(&lumina.url(path), &[("Cookie", cookie)]) };
    ask(one);
    (0..ROUNDS).map(|_| (ask(one).p99, ask(other).p99)).unzip()
}

/// The cursor in the middle of the owner's photos.
fn middle(server: &Server, photos: Photos) -> String {
    use diesel::prelude::*;
    use lumina::db::schema::photos as table;
    let mut conn = server.connect(photos.database);
    let mine = table::table.filter(table::owner_id.eq(1));
    let half: i64 = mine.count().get_result::<i64>(&mut conn).unwrap() / 2;
    let at = mine.order((table::taken_at.desc(), table::id.desc())).offset(half);
    let (taken_at, id) = at.select((table::taken_at, table::id)).first(&mut conn).unwrap();
    lumina::models::Cursor { taken_at, id, utc_offset_minutes: 0 }.to_string()
}
