//! The description of the API: it names every call, and both programs and people can read it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::*;

const DESCRIPTION: &str = "/api/v1/openapi.json";

/// Every method and path in it.
fn calls(description: &Value) -> BTreeSet<(String, String)> {
    let paths = description["paths"].as_object().unwrap().iter();
    let call = |(path, item): (&String, &Value)| {
        let methods: Vec<_> = item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        let path = path.trim_end_matches('/').to_owned();
        methods.into_iter().map(move |method| (method, path.clone())).collect::<Vec<_>>()
    };
    paths.flat_map(call).collect()
}

#[tokio::test]
async fn every_route_of_the_api_is_described_and_nothing_else() {
    let app = TestApp::start().await;
    let description = app.visitor().get(DESCRIPTION).await.assert_status(200).json();
    let beside = ["/health", "/metrics"];
    let routes: BTreeSet<_> = lumina::routes::all()
        .map(|(method, path)| (method.to_string(), path))
        .filter(|(_, path)| path.starts_with("/api/") || beside.contains(&path.as_str()))
        .collect();
    assert_eq!(routes, calls(&description), "left: src/routes.rs, right: src/api/description");
}

#[tokio::test]
async fn every_call_says_all_there_is_to_say() {
    let app = TestApp::start().await;
    let description = app.visitor().get(DESCRIPTION).await.assert_status(200).json();
    assert_eq!(description["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, call) in item.as_object().unwrap() {
            let what = format!("{method} {path}");
            assert!(ids.insert(call["operationId"].as_str().unwrap()), "{what}: its id is another call's too");
            assert!(call["security"].is_array() && call["tags"].is_array(), "{what}");
            assert!(call["summary"].is_string(), "{what}");
            let answers = call["responses"].as_object().unwrap();
            assert!(answers.contains_key("500") && answers.contains_key("503"), "{what}");
            assert!(answers.values().all(|answer| !answer["description"].as_str().unwrap().is_empty()), "{what}");
            for parameter in call["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["description"].is_string(), "{what}: {parameter}");
                let schema = &parameter["schema"];
                let example = schema.get("examples").or(schema["items"].get("examples"));
                assert!(example.is_some(), "{what}: {parameter}");
            }
        }
    }
    for (name, schema) in description["components"]["schemas"].as_object().unwrap() {
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            let refers = schema.to_string().contains("$ref");
            let example = ["example", "examples", "items", "format"].iter().any(|key| schema.get(*key).is_some());
            assert!(refers || schema["description"].is_string() || field == "openapi", "{name}.{field}: {schema}");
            assert!(refers || example, "{name}.{field}: {schema}");
        }
    }
}

/// A personal access token of `client` with all scopes but this one.
async fn token_without(client: &Client, scope: &str) -> String {
    let others = ["photos:read", "photos:write", "account:read"].into_iter().filter(|other| *other != scope);
    let fields: Vec<_> = [("name", "test"), ("days", "30")].into_iter().chain(others.map(|it| ("scope", it))).collect();
    let page = client.post("/account/tokens", &fields).await.assert_status(200);
    page.attributes("value").into_iter().find(|value| value.starts_with("lumina_pat_")).unwrap()
}

#[tokio::test]
async fn a_call_asks_for_the_scope_that_it_names() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let description = alice.get(DESCRIPTION).await.json();
    let mut asked = BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, call) in item.as_object().unwrap() {
            let Some(scope) = call.pointer("/security/0/bearer/0").map(|scope| scope.as_str().unwrap()) else {
                continue;
            };
            let token = token_without(&alice, scope).await;
            let types = call.pointer("/requestBody/content").and_then(Value::as_object);
            let of_body = types.and_then(|types| types.keys().next());
            let here = path.replace("{id}", "0199a2f0-5a4b-7c3e-9d1f-2b6f0c8e4a11");
            let mut request = app.visitor().request(method.to_uppercase().parse().unwrap(), &here).bearer_auth(token);
            if let Some(of_body) = of_body {
                request =
                    request.header("content-type", of_body.replace("form-data", "form-data; boundary=b")).body("{}");
            }
            let refused = app.visitor().send(request).await.assert_status(403).json();
            assert_eq!(refused["type"], "urn:lumina:problem:insufficient-scope", "{method} {path}");
            assert!(refused["detail"].as_str().unwrap().contains(scope), "{method} {path}: {refused}");
            asked.insert(scope);
        }
    }
    assert_eq!(asked.len(), 3);
}

#[tokio::test]
async fn a_description_that_is_known_already_is_not_sent_again() {
    let app = TestApp::start().await;
    let visitor = app.visitor();
    let tag = visitor.get(DESCRIPTION).await.assert_status(200).header("etag").to_owned();
    visitor.get_with(DESCRIPTION, &[("if-none-match", &tag)]).await.assert_status(304);
}

#[tokio::test]
async fn people_can_read_it_without_a_script() {
    let app = TestApp::start().await;
    let description = app.visitor().get(DESCRIPTION).await.json();
    for path in ["/docs", "/api/v1/docs", "/api/v1/docs/"] {
        let page = app.visitor().get(path).await.assert_status(200);
        assert!(page.header("content-type").starts_with("text/html"));
        let text = page.text();
        for (path, item) in description["paths"].as_object().unwrap() {
            assert!(text.contains(&format!("<code>{path}</code>")), "{path}");
            for call in item.as_object().unwrap().values() {
                assert!(text.contains(call["summary"].as_str().unwrap()), "{call}");
            }
        }
        assert!(text.contains("urn:lumina:problem:not-found") && text.contains("thing-Photo"), "{text}");
    }
}
