//! `GET /docs`: the API to read, and to try where there is a script. Made from the description (OpenAPI), so that it never
//! says anything else.

mod example;
mod fields;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::{Content, RefOr, Response};

use crate::api::description::DESCRIPTION;
use crate::app::AppState;
use crate::error::AppError;
use crate::web::htmx::page as whole_page;
use crate::web::page::Page;
use crate::web::problem::Kind;
use example::Example;
use fields::Row;

#[derive(Template)]
#[template(path = "docs/show.html")]
struct Docs {
    page: Page,
    about: Vec<Vec<Piece>>,
    groups: Vec<Group>,
    things: Vec<Thing>,
    problems: Vec<(String, Vec<Piece>)>,
}

struct Group {
    id: String,
    name: String,
    about: String,
    calls: Vec<Call>,
}

struct Call {
    id: String,
    method: &'static str,
    path: String,
    summary: String,
    about: Vec<Piece>,
    needs_login: bool,
    /// What a personal access token must be good for.
    scope: Option<String>,
    parameters: Vec<Row>,
    body: Option<Body>,
    curl: String,
    /// What a good answer holds, where it is JSON.
    example: Option<String>,
    answers: Vec<Answer>,
    refusals: Vec<Answer>,
}

struct Body {
    /// The first of them is the one that is tried.
    content_types: Vec<String>,
    fields: Vec<Row>,
    /// Where it is JSON.
    json: Option<String>,
    /// It is a file as it is.
    is_bytes: bool,
}

struct Answer {
    status: String,
    about: Vec<Piece>,
    /// What is in it.
    thing: Option<String>,
}

/// What bodies are made of.
struct Thing {
    name: String,
    about: Vec<Piece>,
    fields: Vec<Row>,
}

/// A part of a sentence.
struct Piece {
    text: String,
    is_code: bool,
}

/// The calls, and what they send and answer.
pub async fn show_docs(state: web::Data<AppState>, page: Page) -> Result<HttpResponse, AppError> {
    let origin = state.config.public_url.origin();
    let about = DESCRIPTION.info.description.as_deref().unwrap_or_default();
    let docs = Docs {
        page,
        about: about.split("\n\n").map(pieces).collect(),
        groups: groups(&origin),
        things: things(),
        problems: Kind::ALL.map(|kind| (kind.urn(), pieces(kind.meaning()))).into(),
    };
    whole_page(StatusCode::OK, &docs)
}

fn groups(origin: &str) -> Vec<Group> {
    let tags = DESCRIPTION.tags.iter().flatten();
    let group = |name: &str, about: Option<&str>| Group {
        id: name.to_lowercase(),
        name: name.to_owned(),
        about: about.unwrap_or_default().to_owned(),
        calls: calls(name, origin),
    };
    tags.map(|tag| group(&tag.name, tag.description.as_deref())).collect()
}

fn calls(tag: &str, origin: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    for (path, item) in &DESCRIPTION.paths.paths {
        let operations = [
            ("POST", &item.post),
            ("GET", &item.get),
            ("PUT", &item.put),
            ("PATCH", &item.patch),
            ("DELETE", &item.delete),
        ];
        for (method, operation) in operations.into_iter().filter_map(|(name, it)| Some((name, it.as_ref()?))) {
            if operation.tags.iter().flatten().any(|name| name == tag) {
                calls.push(Call::of(method, path, operation, origin));
            }
        }
    }
    calls
}

impl Call {
    fn of(method: &'static str, path: &str, operation: &Operation, origin: &str) -> Self {
        let parameters = operation.parameters.iter().flatten().filter_map(whole).map(parameter).collect();
        let body = operation.request_body.as_ref().and_then(whole).map(|body| Body::of(&body.content));
        let contents = |answer: &Response| answer.content.values().filter_map(whole).next()?.schema.clone();
        let all = || operation.responses.responses.iter().filter_map(|(status, it)| Some((status, whole(it)?)));
        let is_good = |status: &str| status.starts_with(['2', '3']);
        let answers = all().map(|(status, answer)| Answer {
            status: status.clone(),
            about: pieces(&answer.description),
            thing: contents(answer).and_then(|schema| fields::name_of(&schema)),
        });
        let (answers, refusals) = answers.partition(|answer| is_good(&answer.status));
        let example = all().filter(|(status, _)| is_good(status)).find_map(|(_, answer)| contents(answer));
        let mut call = Self {
            id: operation.operation_id.clone().unwrap_or_default(),
            method,
            path: path.to_owned(),
            summary: operation.summary.clone().unwrap_or_default(),
            about: pieces(operation.description.as_deref().unwrap_or_default()),
            scope: operation.security.iter().flatten().find_map(fields::scope),
            needs_login: operation.security.iter().flatten().next().is_some_and(|first| *first != <_>::default()),
            parameters,
            body,
            curl: String::new(),
            example: example.filter(|schema| fields::name_of(schema).is_some()).map(|it| Example::of(&it).pretty()),
            answers,
            refusals,
        };
        call.curl = call.as_curl(origin);
        call
    }

    fn as_curl(&self, origin: &str) -> String {
        let path = self.path.replace("{id}", "$ID");
        let query = self.parameters.iter().filter(|row| row.place == "query" && row.in_examples());
        let query: Vec<_> = query.map(|row| format!("{}={}", row.name, row.example)).take(2).collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        // Without being told, curl sends what has a body by POST, and a file by PUT.
        let method = match (self.method, &self.body) {
            ("GET" | "PUT", _) | ("POST", Some(_)) => String::new(),
            (method, _) => format!("-X {method} "),
        };
        let mut lines = vec![format!("curl {method}\"{origin}{path}{query}\"")];
        if self.needs_login {
            lines.push("-H \"Authorization: Bearer $TOKEN\"".to_owned());
        }
        lines.extend(self.body.iter().flat_map(Body::as_curl));
        lines.join(" \\\n  ")
    }
}

impl Body {
    fn of<'a>(content: impl IntoIterator<Item = (&'a String, &'a RefOr<Content>)>) -> Self {
        let content: Vec<_> = content.into_iter().filter_map(|(name, it)| Some((name.clone(), whole(it)?))).collect();
        let first = content.first();
        let schema = first.and_then(|(_, content)| content.schema.as_ref());
        let is_json = first.is_some_and(|(name, _)| name.contains("json"));
        Self {
            fields: schema.map(fields::of).unwrap_or_default(),
            is_bytes: first.is_some_and(|(name, _)| name == "application/octet-stream"),
            json: schema.filter(|_| is_json).map(|schema| Example::to_send(schema).pretty()),
            content_types: content.into_iter().map(|(name, _)| name).collect(),
        }
    }

    fn as_curl(&self) -> Vec<String> {
        if self.is_bytes {
            return vec!["-T photo.jpg".to_owned()];
        }
        if let Some(json) = &self.json {
            let data = format!("-d '{}'", json.replace('\'', "'\\''"));
            return vec!["-H \"Content-Type: application/json\"".to_owned(), data];
        }
        let is_upload = self.content_types.iter().any(|name| name.starts_with("multipart/"));
        let part = |row: &Row| match (is_upload, row.is_file) {
            (true, true) => format!("-F {}=@photo.jpg", row.name),
            (true, false) => format!("-F \"{}={}\"", row.name, row.example),
            _ => format!("--data-urlencode \"{}={}\"", row.name, row.example),
        };
        self.fields.iter().map(part).collect()
    }
}

fn things() -> Vec<Thing> {
    let schemas = DESCRIPTION.components.iter().flat_map(|components| &components.schemas);
    let thing = |(name, schema): (&String, _)| {
        let fields = fields::of(schema);
        let about = pieces(fields::about(schema).unwrap_or_default());
        (!fields.is_empty()).then(|| Thing { name: name.clone(), about, fields })
    };
    schemas.filter_map(thing).collect()
}

fn parameter(parameter: &Parameter) -> Row {
    Row::of_parameter(parameter)
}

/// The description says everything where it belongs: nothing in it but schemas is a reference.
fn whole<T>(it: &RefOr<T>) -> Option<&T> {
    match it {
        RefOr::T(it) => Some(it),
        RefOr::Ref(_) => None,
    }
}

/// Sentences with their code set apart, which Markdown puts between backticks.
fn pieces(text: &str) -> Vec<Piece> {
    let parts = text.split('`').enumerate().filter(|(_, part)| !part.is_empty());
    parts.map(|(n, part)| Piece { text: part.to_owned(), is_code: n % 2 == 1 }).collect()
}
