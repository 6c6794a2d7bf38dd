//! Two instances on one database and one bucket serve the same people; either can be restarted at any time, and no request
//! is answered wrongly. Whoever finds nobody listening asks the other one, as a balancer would.

use std::time::{Duration, Instant};

use rand::Rng;

use crate::support::binary::{Binary, free_port};
use crate::support::load::{Doors, Load};
use crate::support::s3::S3Server;
use crate::support::witness::{Objects, Witness};
use crate::support::*;

/// Where people find them.
const ADDRESS: &str = "http://lumina.localhost";

#[tokio::test]
async fn one_of_two_is_restarted_and_nobody_notices() {
    let server = S3Server::start();
    let objects = Objects::Folder(server.bucket());
    are_restarted_under_load(&server.settings(), objects, 4).await;
}

/// Restarts one of two so many times, by SIGTERM and SIGKILL in turn, while people work.
pub async fn are_restarted_under_load(bucket: &[(String, String)], objects: Objects, times: usize) {
    let (folder, database) = (cluster::scratch(), Database::create());
    let ports = [free_port(), free_port()];
    let place = |number: usize| {
        let mut settings = bucket.to_vec();
        let own = [
            ("DATABASE_URL", database.url()),
            ("PUBLIC_URL", ADDRESS.to_owned()),
            ("SECRET_KEY", "the same for all instances of one Lumina".to_owned()),
            ("BIND", format!("127.0.0.1:{}", ports[number])),
            ("LOG_LEVEL", "warn".to_owned()),
            // Without programs that decode, which are tried out at each start.
            ("PATH", String::new()),
        ];
        settings.extend(own.map(|(name, value)| (name.to_owned(), value)));
        (folder.path().join(format!("data{number}")), settings)
    };
    let mut instances = Vec::new();
    for (data_dir, settings) in [place(0), place(1)] {
        instances.push(Binary::start_with(&data_dir, &settings));
    }
    let doors = Doors::default();
    let bases = ports.map(|port| format!("http://127.0.0.1:{port}"));
    doors.are(&[&bases[0], &bases[1]]);
    let load = Load::of(4, || Client::new(&bases[0], ADDRESS), doors.clone()).await;
    let work = load.works();
    for time in 0..times {
        let pause = rand::rng().random_range(100..600);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let (data_dir, settings) = place(time / 2 % 2);
        let mut instance = instances.remove(0);
        // Waits on a thread of its own: people go on meanwhile.
        let restarting = tokio::task::spawn_blocking(move || {
            if time.is_multiple_of(2) {
                instance.terminate();
                assert!(instance.wait().success());
            } else {
                instance.kill();
            }
            Binary::start_with(&data_dir, &settings)
        });
        instances.insert(0, restarting.await.unwrap());
        // Twice the same one, then the other.
        if time % 2 == 1 {
            instances.swap(0, 1);
        }
    }
    work.ends().await;
    assert!(load.count() > times, "they worked: {}", load.count());
    assert_eq!(load.refused(), 0, "one of them was always there, and so were database and bucket");
    let witness = Witness::new(database.url(), objects);
    load.checks(&witness).await;
    witness.lets_time_pass();
    // It sweeps when it starts.
    drop(instances);
    let (data_dir, settings) = place(0);
    let _lumina = Binary::start_with(&data_dir, &settings);
    doors.are(&[&bases[0]]);
    let begin = Instant::now();
    while !witness.is_swept() {
        assert!(begin.elapsed() < Duration::from_secs(20), "the sweeper does not finish");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    witness.finds_nothing_left_over().await;
    load.checks(&witness).await;
}
