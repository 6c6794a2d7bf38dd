//! Making an account.

use futures_util::future::join_all;

use crate::support::*;

#[tokio::test]
async fn registering_signs_in_and_the_first_account_is_admin() {
    let app = TestApp::start().await;
    let alice = app.visitor();
    let answer = alice.register("alice").await.assert_status(303);
    assert_eq!(answer.location(), "/photos");
    alice.get("/photos").await.assert_status(200).assert_says("No photos yet");
    app.user("bob").await;
    assert_eq!(
        app.ask("SELECT string_agg(username || ' ' || role, ', ' ORDER BY id) FROM users"),
        "alice admin, bob user"
    );
    assert!(app.ask("SELECT password_hash FROM users LIMIT 1").starts_with("$2"), "bcrypt");
}

#[tokio::test]
async fn registering_keeps_the_full_name_and_goes_where_one_wanted_to() {
    let app = TestApp::start().await;
    let alice = app.visitor();
    let form = alice.get("/register?next=%2Fhashtags").await.assert_status(200);
    let next = form.field("next");
    let fields = [
        ("username", " alice "),
        ("email", "Alice@Example.org"),
        ("full_name", "Alice Liddell"),
        ("password", PASSWORD),
        ("next", &next),
    ];
    assert_eq!(alice.post("/register", &fields).await.assert_status(303).location(), "/hashtags");
    let account = alice.get("/account").await.assert_status(200);
    assert_eq!(account.field("full_name"), "Alice Liddell");
    assert_eq!(account.field("email"), "Alice@Example.org");
}

#[tokio::test]
async fn a_bad_form_comes_back_as_it_was_typed_without_the_password() {
    let app = TestApp::start().await;
    let good = [("username", "alice"), ("email", "alice@example.org"), ("full_name", "Alice"), ("password", PASSWORD)];
    let long = |count| "x".repeat(count);
    let cases = [
        ("username", "al".to_owned(), "Use 3 to 50 letters"),
        ("username", long(51), "Use 3 to 50 letters"),
        ("username", "alice liddell".into(), "Use 3 to 50 letters"),
        ("username", "alice@home".into(), "Use 3 to 50 letters"),
        ("username", "älice".into(), "Use 3 to 50 letters"),
        ("username", "<b>alice".into(), "Use 3 to 50 letters"),
        ("username", String::new(), "Use 3 to 50 letters"),
        ("email", "alice".into(), "Enter an email address"),
        ("email", "alice@".into(), "Enter an email address"),
        ("email", "@example.org".into(), "Enter an email address"),
        ("email", "a@b@c".into(), "Enter an email address"),
        ("email", "a b@example.org".into(), "Enter an email address"),
        ("email", format!("{}@example.org", long(243)), "Enter an email address"),
        ("email", String::new(), "Enter an email address"),
        ("full_name", long(101), "Use at most 100 characters"),
        ("password", "seven77".into(), "Use at least 8 characters"),
        ("password", String::new(), "Use at least 8 characters"),
        ("password", long(72), "at most 71 bytes"),
        ("password", "é".repeat(36), "at most 71 bytes"),
    ];
    for (name, value, message) in cases {
        let fields = good.map(|(field, fine)| (field, if field == name { value.as_str() } else { fine }));
        let visitor = app.visitor();
        let page = visitor.post("/register", &fields).await.assert_status(422).assert_says(message);
        for (field, typed) in fields {
            if field != "password" {
                assert_eq!(page.text().matches(typed).count().min(1), 1, "{field} {typed:?} is kept");
            }
        }
        assert_eq!(page.field("password"), "", "{name} {value}");
        page.assert_silent_about(PASSWORD);
        let fragment = visitor.post_by_script("/register", &fields).await.assert_status(422).assert_says(message);
        assert!(!fragment.html().contains("<html"), "a script gets the form alone");
        assert!(!visitor.is_signed_in().await);
    }
    assert_eq!(app.ask("SELECT count(*) FROM users"), "0");
}

#[tokio::test]
async fn everything_wrong_is_said_at_once() {
    let app = TestApp::start().await;
    let nothing = app.visitor().post("/register", &[]).await.assert_status(422);
    nothing
        .assert_says("Use 3 to 50 letters")
        .assert_says("Enter an email address")
        .assert_says("Use at least 8 characters");
}

#[tokio::test]
async fn the_limits_themselves_are_fine() {
    let app = TestApp::start().await;
    for (username, password) in
        [("x".repeat(50), "é".repeat(35)), ("a.b".into(), "8 chars!".into()), ("_-.".into(), "密码密码密码密码".into())]
    {
        let email = format!("{username}@example.org");
        let visitor = app.visitor();
        let fields = [("username", username.as_str()), ("email", &email), ("password", &password)];
        visitor.post("/register", &fields).await.assert_status(303);
        app.visitor().log_in(&username, &password).await.assert_status(303);
    }
}

#[tokio::test]
async fn a_name_or_address_is_taken_in_any_case() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let register = async |username: &str, email: &str| {
        let fields = [("username", username), ("email", email), ("password", PASSWORD)];
        app.visitor().post("/register", &fields).await.assert_status(422)
    };
    let name = register("ALICE", "other@example.org").await.assert_says("This username is taken");
    assert_eq!(name.field("email"), "other@example.org");
    register("other", "Alice@EXAMPLE.org").await.assert_says("This email address already has an account");
    assert_eq!(app.ask("SELECT count(*) FROM users"), "1");
}

#[tokio::test]
async fn a_name_wanted_by_twenty_in_the_same_instant_goes_to_one() {
    let app = TestApp::start().await;
    let visitors: Vec<_> = (0..20).map(|_| app.visitor()).collect();
    let tries = visitors.iter().enumerate().map(async |(number, visitor)| {
        let email = format!("number{number}@example.org");
        let fields = [("username", "alice"), ("email", email.as_str()), ("password", PASSWORD)];
        visitor.post("/register", &fields).await
    });
    let answers = join_all(tries).await;
    let won = answers.iter().filter(|answer| answer.status == 303).count();
    let told = answers.iter().filter(|answer| answer.status == 422 && answer.text().contains("is taken")).count();
    assert_eq!((won, told), (1, 19), "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    assert_eq!(app.ask("SELECT count(*) FROM users"), "1");
}

#[tokio::test]
async fn of_twenty_who_come_first_one_is_admin() {
    let app = TestApp::start().await;
    let names: Vec<_> = (0..20).map(|number| format!("person{number}")).collect();
    join_all(names.iter().map(|name| app.user(name))).await;
    assert_eq!(app.ask("SELECT count(*) FILTER (WHERE role = 'admin') || ' of ' || count(*) FROM users"), "1 of 20");
}

#[tokio::test]
async fn a_double_submit_makes_one_account() {
    let app = TestApp::start().await;
    let alice = app.visitor();
    let (first, second) = tokio::join!(alice.register("alice"), alice.register("alice"));
    let mut answers = [first.status, second.status];
    answers.sort_unstable();
    assert_eq!(answers, [303, 422]);
    assert_eq!(app.ask("SELECT count(*) FROM users"), "1");
}

#[tokio::test]
async fn closed_registration_says_so_and_makes_nobody() {
    let app = TestApp::start_with(|config| config.registration = Some(lumina::config::Registration::Closed)).await;
    let visitor = app.visitor();
    let page = visitor.get("/register").await.assert_status(200).assert_says("New accounts are closed");
    assert!(!page.html().contains("name=\"password\""));
    visitor.get("/").await.assert_status(200).assert_silent_about("Create account");
    visitor.register("alice").await.assert_status(403);
    assert_eq!(app.ask("SELECT count(*) FROM users"), "0");
}
