//! Clocks that disagree: what the program's says differs from what its database's says.

use reqwest::Method;
use serde_json::json;

use crate::support::binary::Binary;
use crate::support::oidc::LyingProvider;
use crate::support::program::credentials;
use crate::support::*;

/// The library that gives a program another time (Debian: faketime).
fn other_time() -> String {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let paths = folders.map(|folder| format!("{folder}/faketime/libfaketimeMT.so.1"));
    paths.into_iter().find(|path| std::path::Path::new(path).is_file()).expect("./dev test installs faketime")
}

#[tokio::test]
async fn an_app_a_day_off_its_database_serves_all_the_same() {
    for off in ["-1d", "+1d"] {
        let (folder, database) = (cluster::scratch(), Database::create());
        let library = other_time();
        let url = database.url();
        let settings = [
            ("DATABASE_URL", url.as_str()),
            ("LD_PRELOAD", &library),
            ("FAKETIME", off),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        let lumina = Binary::start_with(&folder.path().join("data"), &settings);
        let alice = lumina.visitor();
        alice.register("alice").await.assert_status(303);
        let alice = lumina.visitor();
        alice.log_in("alice", PASSWORD).await.assert_status(303);
        let photo = alice.upload_tagged(jpeg(), "sea").await;
        let link = alice.share(&photo, "link").await.unwrap();
        lumina.visitor().get(&format!("/s/{link}")).await.assert_status(200);
        for path in
            ["/", "/photos", "/photos?hashtag=sea", &photo.page(), &photo.at("small"), "/account", "/admin/people"]
        {
            let answer = alice.get(path).await;
            assert!([200, 303].contains(&answer.status), "{off} {path}: {answer:?}");
        }
        alice.post(&photo.at("delete"), &[]).await.assert_status(303);
        alice.post(&photo.at("restore"), &[]).await.assert_status(303);
        alice.get(&photo.page()).await.assert_status(200);
        alice.post("/admin/registration", &[("registration", "invitation")]).await.assert_status(303);
        let made = alice.post("/admin/invitations", &[("uses", "1"), ("days", "1")]).await.assert_status(201).text();
        let secret = made.split_once("?invitation=").unwrap().1;
        let secret: String = secret.chars().take_while(char::is_ascii_alphanumeric).collect();
        lumina.visitor().get(&format!("/register?invitation={secret}")).await.assert_status(200);

        let program = lumina.visitor();
        let login = program.json(Method::POST, "/api/v1/auth/token", &credentials("alice", PASSWORD));
        let pair = program.send(login).await.assert_status(200).json();
        let bearer = format!("Bearer {}", pair["access_token"].as_str().unwrap());
        program.get_with("/api/v1/auth/me", &[("authorization", &bearer)]).await.assert_status(200);
        let upload = || {
            let request = program.upload_to("/api/v1/photos", Upload::new().file("b.jpg", png()));
            request.header("authorization", &bearer)
        };
        let keyed = upload().header("idempotency-key", "once");
        assert_eq!(program.send(keyed).await.status, 201, "{off}");
        assert_eq!(program.send(upload()).await.status / 100, 2, "{off}");
        let bytes = images::another(jpeg());
        let announced = json!({ "filename": "c.jpg", "content_type": "image/jpeg", "size_bytes": bytes.len() });
        let call = |path: &str, body| program.json(Method::POST, path, body).header("authorization", &bearer);
        let target = program.send(call("/api/v1/photos/upload-url", &announced)).await;
        let target = target.assert_status(200).json();
        let (_, path) = target["upload_url"].as_str().unwrap().split_once("/api/").unwrap();
        let put =
            program.request(Method::PUT, &format!("/api/{path}")).header("content-type", "image/jpeg").body(bytes);
        assert_eq!(program.send(put).await.status / 100, 2, "{off}");
        let confirmed = call("/api/v1/photos/confirm", &json!({ "key": target["key"] }));
        program.send(confirmed).await.assert_status(201);
        let refreshed = json!({ "refresh_token": pair["refresh_token"] });
        let refresh = program.json(Method::POST, "/api/v1/auth/refresh", &refreshed);
        program.send(refresh).await.assert_status(200);
        for _ in 0..11 {
            let answer = lumina.visitor().log_in("alice", "wrong password").await;
            assert!([422, 429].contains(&answer.status), "{off}: {answer:?}");
        }
        alice.get("/metrics").await.assert_status(200);
        alice.get("/health").await.assert_status(200);
    }
}

#[tokio::test]
async fn the_doctor_compares_the_clock_with_the_databases_and_the_providers() {
    let app = TestApp::start().await;
    let provider = LyingProvider::start().await;
    let doctor = async |off: Option<&str>| {
        let mut command = kept::command(&["doctor", "--json"], app.data_dir(), None);
        command.env("DATABASE_URL", app.database_url());
        command.env("OIDC__CLIENT_ID", "lumina").env("OIDC__SERVER_METADATA_URL", &provider.issuer);
        if let Some(off) = off {
            command.env("LD_PRELOAD", other_time()).env("FAKETIME", off).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        let output = kept::output(command).await;
        let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        kept::Examined { report, well: output.status.success() }
    };
    let agreed = doctor(None).await;
    let off = doctor(Some("-1d")).await;
    assert!(!off.well);
    for clock in ["database clock", "provider clock"] {
        assert_eq!(agreed.check(clock).0, "ok", "{:?}", agreed.check(clock));
        let (state, detail) = off.check(clock);
        assert!(state == "wrong" && detail.contains("behind") && detail.contains("NTP"), "{detail}");
    }
}
