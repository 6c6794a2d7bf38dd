//! The names of files, as programs other than browsers send them.

use crate::support::*;

#[tokio::test]
async fn a_name_comes_through_however_it_is_sent() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    let names: [(&[u8], &str); 6] = [
        ("filename=\"día é.jpg\"".as_bytes(), "día é.jpg"),
        // Latin-1: curl on Windows, old cameras' software.
        (b"filename=\"d\xEDa \xE9.jpg\"", "día é.jpg"),
        (b"filename*=UTF-8''d%C3%ADa%20%C3%A9.jpg", "día é.jpg"),
        (b"filename=\"dia.jpg\"; filename*=UTF-8''d%C3%ADa%20%C3%A9.jpg", "día é.jpg"),
        // .NET's HttpClient.
        (b"filename=\"=?utf-8?B?ZMOtYSDDqS5qcGc=?=\"; filename*=utf-8''d%C3%ADa%20%C3%A9.jpg", "día é.jpg"),
        (b"filename=\"=?utf-8?B?ZMOtYSDDqS5qcGc=?=\"", "día é.jpg"),
    ];
    for (said, name) in names {
        let photo = alice.upload(Upload::new().file_said(said, jpeg())).await.assert_status(201).json();
        assert_eq!(photo["filename"], name, "{}", String::from_utf8_lossy(said));
    }
}

#[tokio::test]
async fn one_name_in_latin_1_keeps_no_other_file_out() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let upload = Upload::new().hashtags("sea").file("a.jpg", jpeg()).file_said(b"filename=\"\xE9.jpg\"", jpeg());
    alice.post_upload(upload.file("b.jpg", jpeg())).await.assert_status(303);
    assert_eq!(app.ask("SELECT string_agg(filename, ' ' ORDER BY filename) FROM photos"), "a.jpg b.jpg é.jpg");
}
