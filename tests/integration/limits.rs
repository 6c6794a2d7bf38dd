//! How often one may try: guesses are few, for all instances together, and the owner gets in whatever strangers do.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use lumina::config::Secret;
use reqwest::Method;
use serde_json::json;

use crate::support::program::credentials;
use crate::support::*;

async fn limited() -> TestApp {
    TestApp::start_with(|config| config.limits_guesses = true).await
}

/// Somebody at one of this machine's many addresses.
fn at(app: &TestApp, third: u8, fourth: u8) -> Client {
    app.visitor_at(IpAddr::V4(Ipv4Addr::new(127, 0, third, fourth)))
}

/// Moves all tries so many seconds into the past.
fn age(app: &TestApp, seconds: u32) {
    app.execute(&format!(
        "UPDATE tries SET times = ARRAY(SELECT t - interval '{seconds} seconds' FROM unnest(times) t ORDER BY 1)"
    ));
}

#[tokio::test]
async fn an_address_has_ten_tries_in_five_minutes() {
    let app = limited().await;
    let alice = app.user("alice").await;
    let stranger = at(&app, 1, 1);
    for number in 1..=10 {
        stranger.log_in(&format!("person{number}"), "wrong password").await.assert_status(422);
    }
    let refused = stranger.log_in("alice", PASSWORD).await.assert_status(429).assert_says("Wait 5 minutes");
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert!((290..=300).contains(&wait), "{wait}");
    assert_eq!(refused.header("ratelimit-policy"), "\"passwords-by-address\";q=10;w=300");
    assert_eq!(refused.header("ratelimit"), format!("\"passwords-by-address\";r=0;t={wait}"));
    let program = stranger.json(Method::POST, "/api/v1/auth/token", &credentials("alice", PASSWORD));
    let program = stranger.send(program).await.assert_status(429);
    assert_eq!(program.json()["type"], "urn:lumina:problem:too-many-requests");
    assert!(!program.header("retry-after").is_empty());
    at(&app, 1, 2).log_in("alice", PASSWORD).await.assert_status(303);
    assert!(alice.is_signed_in().await);

    // Asked of the other instance, whose memory is empty; nine of the ten have left the window.
    let other = second(&app).await;
    at(&other, 1, 1).log_in("alice", PASSWORD).await.assert_status(429);
    age(&app, 301);
    let third = second(&app).await;
    at(&third, 1, 1).log_in("alice", "wrong password").await.assert_status(422);
    at(&third, 1, 1).log_in("alice", PASSWORD).await.assert_status(303);
    app.execute("UPDATE tries SET times = ARRAY(SELECT t - interval '2 hours' FROM unnest(times) t)");
    app.state().db.read(lumina::models::tries::sweep).await.unwrap();
    assert_eq!(app.ask("SELECT count(*) FROM tries"), "0", "what counts no more is swept up");
}

/// Another instance on the same database, with the same key.
async fn second(app: &TestApp) -> TestApp {
    let (url, keys) = (app.database_url(), app.state().config.secret_keys().unwrap());
    TestApp::start_with(|config| {
        config.database_url = Some(Secret::new(url));
        config.secret_key = keys;
        config.limits_guesses = true;
    })
    .await
}

#[tokio::test]
async fn right_passwords_are_no_guesses_however_many_come_at_once() {
    let app = limited().await;
    app.user("alice").await;
    let people: Vec<_> = (0..30).map(|_| at(&app, 1, 1)).collect();
    let answers = futures_util::future::join_all(people.iter().map(|one| one.log_in("alice", PASSWORD))).await;
    assert!(answers.iter().all(|answer| answer.status == 303), "{answers:?}");
    for _ in 0..12 {
        at(&app, 1, 1).log_in("alice", PASSWORD).await.assert_status(303);
    }
    assert_eq!(app.ask("SELECT coalesce(sum(cardinality(times)), 0) FROM tries WHERE cardinality(times) <> 1"), "0");
}

/// `safety.md`: a thousand wrong passwords from two hundred addresses against two instances.
#[tokio::test]
async fn a_thousand_wrong_passwords_stay_within_the_limits_and_the_owner_gets_in() {
    let app = limited().await;
    let alice = app.user("alice").await;
    let other = second(&app).await;
    let guessers: Vec<_> = (1..=200).map(|number| (at(&app, 1, number), at(&other, 1, number))).collect();
    let guesses = guessers.iter().enumerate().map(|(number, (here, there))| async move {
        let mut looked_at = 0;
        for turn in 0..5 {
            let client = if (number + turn) % 2 == 0 { here } else { there };
            let login = if turn == 4 { "Alice@example.org" } else { "alice" };
            match client.log_in(login, &format!("guess {number} {turn}")).await {
                answer if answer.status == 422 => looked_at += 1,
                answer => {
                    answer.assert_status(429);
                }
            }
        }
        looked_at
    });
    let looked_at: u32 = futures_util::future::join_all(guesses).await.into_iter().sum();
    assert_eq!(looked_at, 25);
    // Strangers have no more tries, even right ones.
    at(&other, 2, 1).log_in("alice", PASSWORD).await.assert_status(429);
    // Her session goes on, her browser is known after logging out, and so is the address a program of hers came from.
    assert!(alice.is_signed_in().await);
    alice.post("/logout", &[]).await.assert_status(303);
    alice.log_in("alice", PASSWORD).await.assert_status(303);
    alice.moved_to(&other).log_in("alice", PASSWORD).await.assert_status(303);
    let program = at(&other, 0, 1);
    let login = program.json(Method::POST, "/api/v1/auth/token", &credentials("alice", PASSWORD));
    program.send(login).await.assert_status(200);
    // Others are not concerned.
    app.user("bob").await;
    at(&app, 2, 1).log_in("bob", PASSWORD).await.assert_status(303);
}

#[tokio::test]
async fn an_account_that_nobody_has_is_refused_like_one_that_somebody_has() {
    let app = limited().await;
    app.user("alice").await;
    for name in ["alice", "nobody"] {
        let statuses = futures_util::future::join_all((1..=30).map(|number| {
            let client = at(&app, 3, number);
            async move { client.log_in(name, "wrong password").await.status }
        }))
        .await;
        assert_eq!(statuses.iter().filter(|status| **status == 422).count(), 25, "{name}");
        assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 5, "{name}");
        age(&app, 400);
    }
}

#[tokio::test]
async fn a_known_browser_has_tries_of_its_own_and_they_are_few_too() {
    let app = limited().await;
    let alice = app.user("alice").await;
    app.user("bob").await;
    alice.post("/logout", &[]).await.assert_status(303);
    let name = "lumina-device";
    let thief = at(&app, 4, 1);
    thief.set_cookie(name, &alice.cookie(name).unwrap());
    for _ in 0..10 {
        thief.log_in("alice", "wrong password").await.assert_status(422);
    }
    thief.log_in("alice", PASSWORD).await.assert_status(429);
    // At another's account it is a stranger's.
    for _ in 0..10 {
        thief.log_in("bob", "wrong password").await.assert_status(422);
    }
    thief.log_in("bob", PASSWORD).await.assert_status(429);
    at(&app, 4, 2).log_in("alice", PASSWORD).await.assert_status(303);
    // One that nobody signed is none.
    let forger = at(&app, 4, 1);
    forger.set_cookie(name, &format!("{}.1", uuid::Uuid::new_v4().simple()));
    forger.log_in("alice", PASSWORD).await.assert_status(429);
}

#[tokio::test]
async fn a_forged_header_gains_nothing_and_a_trusted_proxy_speaks_for_its_clients() {
    let app = limited().await;
    app.user("alice").await;
    let log_in = async |app: &TestApp, forwarded: &str| {
        let client = at(app, 5, 1);
        let form = client.form("/login", &[("username", "alice"), ("password", "wrong password")]);
        client.send(form.header("x-forwarded-for", forwarded).header("x-real-ip", forwarded)).await.status
    };
    for number in 1..=10 {
        assert_eq!(log_in(&app, &format!("198.51.100.{number}")).await, 422);
    }
    assert_eq!(log_in(&app, "198.51.100.77").await, 429);

    let behind = TestApp::start_with(|config| {
        config.limits_guesses = true;
        config.trusted_proxies = vec!["127.0.5.0/24".parse::<IpNet>().unwrap()];
    })
    .await;
    behind.user("alice").await;
    for number in 1..=10 {
        assert_eq!(log_in(&behind, &format!("203.0.113.{number}, 198.51.100.1")).await, 422);
    }
    assert_eq!(log_in(&behind, "203.0.113.77, 198.51.100.1").await, 429);
    assert_eq!(log_in(&behind, "198.51.100.2").await, 422);
    for number in 1..=9 {
        assert_eq!(log_in(&behind, &format!("2001:db8::{number}")).await, 422);
    }
    assert_eq!(log_in(&behind, "2001:db8:0:0:ffff::1").await, 422);
    assert_eq!(log_in(&behind, "2001:db8::77").await, 429, "one household");
    assert_eq!(log_in(&behind, "2001:db8:0:1::1").await, 422, "the next one");
}

#[tokio::test]
async fn ones_own_password_cannot_be_guessed_by_who_found_the_device() {
    let app = limited().await;
    let alice = app.user("alice").await;
    let fields = [("current_password", "wrong password"), ("password", "a new password")];
    for _ in 0..25 {
        alice.post("/account/password", &fields).await.assert_status(422);
    }
    let fields = [("current_password", PASSWORD), ("password", "a new password")];
    alice.post("/account/password", &fields).await.assert_status(429);
    assert!(alice.is_signed_in().await);
    age(&app, 3601);
    let other = second(&app).await;
    alice.moved_to(&other).post("/account/password", &fields).await.assert_status(303);
}

#[tokio::test]
async fn wrong_links_and_refresh_tokens_never_keep_anyone_from_right_ones() {
    let app = limited().await;
    let alice = app.user("alice").await;
    let photo = alice.upload(jpeg()).await;
    let link = alice.share(&photo, "link").await.unwrap();
    let visitor = at(&app, 6, 1);
    let counted = || app.ask("SELECT count(*) FROM tries WHERE cardinality(times) > 0");
    let before = counted();
    // As a page of somebody else's makes a visitor's browser do, with the owner at the same address.
    let owner = alice.stranger_at(IpAddr::V4(Ipv4Addr::new(127, 0, 6, 1)));
    owner.set_cookie("lumina", &alice.cookie("lumina").unwrap());
    let wrong = (0..110).flat_map(|number| {
        let token = format!("{number:022}");
        [format!("/i/{token}"), format!("/s/{token}"), format!("/i/x{number}.jpg")]
    });
    for path in wrong {
        visitor.get(&path).await.assert_status(404);
    }
    for client in [&visitor, &owner] {
        for path in
            [format!("/s/{link}"), format!("/i/{link}"), format!("/s/{link}/small"), format!("/s/{link}/download")]
        {
            client.get(&path).await.assert_status(200);
        }
    }

    let program = app.program_of("alice").await;
    for _ in 0..70 {
        program.refresh(&format!("{}.{}", uuid::Uuid::new_v4().simple(), "A".repeat(43))).await.assert_status(401);
    }
    program.refreshed().await;
    assert_eq!(counted(), before, "they are not counted");
}

#[tokio::test]
async fn an_address_makes_so_many_accounts_an_hour() {
    let app = limited().await;
    let newcomer = at(&app, 6, 3);
    let register = async |number: u32| {
        let name = format!("person{number}");
        let email = format!("{name}@example.org");
        let body = json!({ "username": name, "email": email, "password": PASSWORD });
        newcomer.send(newcomer.json(Method::POST, "/api/v1/auth/register", &body)).await.status
    };
    for number in 0..30 {
        assert_eq!(register(number).await, 201);
    }
    assert_eq!(register(30).await, 429);
    assert_eq!(app.ask("SELECT count(*) FROM users"), "30");
}

#[tokio::test]
async fn the_api_tells_how_much_is_left_and_refuses_what_is_too_much() {
    let app = TestApp::start_with(|config| {
        config.limits.requests_per_minute = 12;
        config.limits.uploads_per_minute = 3;
    })
    .await;
    let alice = app.user("alice").await;
    let nobody = at(&app, 7, 1);
    let first = nobody.get("/api/v1/hashtags").await.assert_status(200);
    assert_eq!(first.header("ratelimit-policy"), "\"requests\";q=12;w=60");
    assert_eq!(first.header("ratelimit"), "\"requests\";r=11;t=5");
    let error = nobody.get("/api/v1/nothing").await.assert_status(404);
    assert_eq!(error.header("ratelimit"), "\"requests\";r=10;t=10");
    for _ in 0..10 {
        nobody.get("/api/v1/hashtags").await.assert_status(200);
    }
    let refused = nobody.get("/api/v1/hashtags").await.assert_status(429);
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit")), ("5", "\"requests\";r=0;t=5"));
    assert_eq!(refused.json()["type"], "urn:lumina:problem:too-many-requests");
    nobody.get("/login").await.assert_status(200);
    // By account too, from wherever.
    let cookie = alice.cookie("lumina").unwrap();
    let devices = [at(&app, 7, 2), at(&app, 7, 3)];
    let mut statuses = Vec::new();
    for number in 0..14 {
        devices[number % 2].set_cookie("lumina", &cookie);
        statuses.push(devices[number % 2].get("/api/v1/auth/me").await.status);
    }
    assert_eq!(statuses, [[200; 12].as_slice(), &[429; 2]].concat());

    for _ in 0..3 {
        alice.post_upload(Upload::new().file("a.jpg", jpeg())).await.assert_status(303);
    }
    alice.post_upload(Upload::new().file("a.jpg", jpeg())).await.assert_status(429).assert_says("Wait");
    app.state().rates.sweep();
    alice.post_upload(Upload::new().file("a.jpg", jpeg())).await.assert_status(429);
}

/// Not for every run: five hundred logins each, of a known and an unknown user, in turns. `LUMINA_TIMING=1` runs it.
#[tokio::test]
async fn a_known_and_an_unknown_name_take_the_same_time() {
    if std::env::var_os("LUMINA_TIMING").is_none() {
        return;
    }
    let app = TestApp::start_with(|config| config.bcrypt_cost = 8).await;
    app.user("alice").await;
    let client = app.visitor();
    let mut times = [Vec::new(), Vec::new()];
    for turn in 0..510 {
        for (name, times) in ["alice", "nobody"].iter().zip(&mut times) {
            let begin = std::time::Instant::now();
            client.log_in(name, "wrong password").await.assert_status(422);
            // The first ones warm up.
            if turn >= 10 {
                times.push(begin.elapsed());
            }
        }
    }
    let [known, unknown] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1000.0
    });
    println!("median of 500 tries: known {known:.2} ms, unknown {unknown:.2} ms, ratio {:.4}", known / unknown);
    assert!((known / unknown - 1.0).abs() < 0.05);
}
