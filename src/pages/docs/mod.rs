//! `GET /docs`: the API to read, and to try where there is a script. Made from the description (OpenAPI), so that it never
//! says anything else.

mod example;
mod fields;

use std::fmt::Write as _;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::{Content, RefOr};

use crate::api::description::DESCRIPTION;
use crate::app::AppState;
use crate::error::AppError;
use crate::web::htmx::page as whole_page;
use crate::web::page::Page;
use crate::web::problem::{KINDS, PREFIX};
use example::Example;
use fields::Row;

#[derive(Template)]
#[template(path = "docs/show.html")]
struct Docs {
    page: Page,
    about: Vec<Vec<Piece>>,
    groups: Vec<Group>,
    things: Vec<Thing>,
    problems: Vec<(String, &'static str)>,
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
    parameters: Vec<Row>,
    body: Option<Body>,
    curl: String,
    answers: Vec<Answer>,
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
    good: bool,
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
        problems: KINDS.map(|(kind, meaning)| (format!("{PREFIX}{kind}"), meaning)).into(),
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
        let answers = operation.responses.responses.iter().filter_map(|(status, answer)| {
            let answer = whole(answer)?;
            let content = answer.content.values().filter_map(whole).next();
            Some(Answer {
                good: status.starts_with(['2', '3']),
                status: status.clone(),
                about: pieces(&answer.description),
                thing: content.and_then(|content| fields::name_of(content.schema.as_ref()?)),
            })
        });
        let mut call = Self {
            id: operation.operation_id.clone().unwrap_or_default(),
            method,
            path: path.to_owned(),
            summary: operation.summary.clone().unwrap_or_default(),
            about: pieces(operation.description.as_deref().unwrap_or_default()),
            needs_login: operation.security.as_ref().is_some_and(|security| !security.is_empty()),
            parameters,
            body,
            curl: String::new(),
            answers: answers.collect(),
        };
        call.curl = call.as_curl(origin);
        call
    }

    fn as_curl(&self, origin: &str) -> String {
        let mut curl = "curl".to_owned();
        if !["GET", "POST", "PUT"].contains(&self.method) || (self.method == "POST" && self.body.is_none()) {
            let _ = write!(curl, " -X {}", self.method);
        }
        if self.needs_login {
            curl += " -H \"Authorization: Bearer $TOKEN\" \\\n ";
        }
        if let Some(body) = &self.body {
            curl += &body.as_curl();
            curl += " \\\n ";
        }
        let path = self.path.replace("{id}", "$ID");
        let mut query: Vec<_> =
            self.parameters.iter().filter(|row| row.place == "query" && row.in_examples()).collect();
        query.truncate(2);
        let query: Vec<_> = query.iter().map(|row| format!("{}={}", row.name, row.example)).collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        format!("{curl} \"{origin}{path}{query}\"")
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
            json: schema.filter(|_| is_json).map(|schema| Example::of(schema).pretty()),
            content_types: content.into_iter().map(|(name, _)| name).collect(),
        }
    }

    fn as_curl(&self) -> String {
        if self.is_bytes {
            return " -T photo.jpg".to_owned();
        }
        if let Some(json) = &self.json {
            let line: Vec<_> = json.lines().map(str::trim).collect();
            return format!(" -H \"Content-Type: application/json\" -d '{}'", line.join(" ").replace('\'', "'\\''"));
        }
        let is_upload = self.content_types.iter().any(|name| name.starts_with("multipart/"));
        let part = |row: &Row| match (is_upload, row.is_file) {
            (true, true) => format!(" -F {}=@photo.jpg", row.name),
            (true, false) => format!(" -F \"{}={}\"", row.name, row.example),
            _ => format!(" --data-urlencode \"{}={}\"", row.name, row.example),
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
