//! Many who come from everywhere: they are counted by the networks they share, and nobody who is known waits behind them.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use ipnet::IpNet;

use crate::support::*;

#[tokio::test]
async fn wrong_passwords_are_counted_by_the_wider_networks_of_ipv6_too() {
    let app = TestApp::start_with(|config| {
        config.limits_guesses = true;
        config.trusted_proxies = vec!["127.0.8.0/24".parse::<IpNet>().unwrap()];
    })
    .await;
    app.user("alice").await;
    let proxy = app.visitor_at(IpAddr::V4(Ipv4Addr::new(127, 0, 8, 1)));
    let log_in = async |from: String, name: &str, password: &str| {
        let form = proxy.form("/login", &[("username", name), ("password", password)]);
        proxy.send(form.header("x-forwarded-for", from)).await.status
    };
    assert_eq!(log_in("2001:db8:1:1::1".to_owned(), "alice", PASSWORD).await, 303);
    // What she is known by is her address alone.
    let forget = || ["lumina", "lumina-device"].iter().for_each(|name| proxy.set_cookie(name, ""));
    forget();
    let mut looked_at = Vec::new();
    for home in 0..5 {
        let mut of_home = 0;
        for network in 0..40 {
            let from = format!("2001:db8:1:{home:x}{network:02x}::1");
            let status = log_in(from, &format!("nobody{home}-{network}"), "wrong password").await;
            assert!([422, 429].contains(&status), "{status}");
            of_home += usize::from(status == 422);
        }
        looked_at.push(of_home);
    }
    assert_eq!(looked_at, [30, 30, 30, 10, 0], "30 of each network of 56 bits, 100 of that of 48");
    assert_eq!(
        log_in("2001:db8:2::1".to_owned(), "nobody", "wrong password").await,
        422,
        "the next network of 48 bits"
    );
    assert_eq!(log_in("2001:db8:1:1::9".to_owned(), "alice", PASSWORD).await, 303, "where she has logged in before");
    forget();
    assert_eq!(log_in("2001:db8:1:2::9".to_owned(), "alice", PASSWORD).await, 429);
}

#[tokio::test]
async fn who_logs_in_from_a_known_browser_does_not_wait_behind_a_crowd_of_strangers() {
    const CROWD: u8 = 200;
    let app = TestApp::start_with(|config| {
        config.limits_guesses = true;
        config.bcrypt_cost = 8;
    })
    .await;
    let alice = app.user("alice").await;
    alice.post("/logout", &[]).await.assert_status(303);
    let answered = Arc::new(AtomicUsize::new(0));
    let crowd: Vec<_> = (0..CROWD)
        .map(|number| {
            let (stranger, answered) =
                (app.visitor_at(IpAddr::V4(Ipv4Addr::new(127, 0, 9, number))), Arc::clone(&answered));
            tokio::spawn(async move {
                let status = stranger.log_in(&format!("nobody{number}"), "wrong password").await.status;
                answered.fetch_add(1, SeqCst);
                status
            })
        })
        .collect();
    while answered.load(SeqCst) < 5 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    alice.log_in("alice", PASSWORD).await.assert_status(303);
    let before = answered.load(SeqCst);
    assert!(before < usize::from(CROWD) * 3 / 4, "{before} strangers were answered before her");
    for stranger in crowd {
        assert_eq!(stranger.await.unwrap(), 422);
    }
}
