//! How one call is written down. What is the same for many is added here: that a call may need a login, the statuses that
//! every call can answer, and the schemas that its bodies name.

use std::fmt::Write as _;

use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::encoding::EncodingBuilder;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::schema::{Schema, SchemaFormat, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{KnownFormat, ObjectBuilder, Ref, RefOr, Required, Response, ResponseBuilder};

use crate::models::Scope;
use crate::routes;
use crate::web::problem::{self, ProblemJson};

/// A schema and its name.
pub type Named = (String, RefOr<Schema>);

/// A call, as far as it is written down.
pub struct Call {
    /// Its method.
    pub method: HttpMethod,
    /// Its path, as product documents write it.
    pub path: &'static str,
    /// The schemas its bodies name.
    pub schemas: Vec<Named>,
    operation: Operation,
}

/// Who may call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Anyone.
    Anyone,
    /// Anyone; what is not said in the request itself is said by whoever is signed in.
    Either,
    /// Whoever is signed in, and personal access tokens with this scope.
    Scoped(Scope),
}

impl Call {
    /// A call of this group. `id` is what generated clients name it by.
    pub fn new(method: HttpMethod, path: &'static str, tag: &str, id: &str, summary: &str) -> Self {
        let operation = OperationBuilder::new().tag(tag).operation_id(Some(id)).summary(Some(summary)).build();
        let mut call = Self { method, path, schemas: Vec::new(), operation };
        if routes::is_api(path) {
            call = call.problem(429, "Too many requests. Try again after `Retry-After` seconds.");
        }
        call.problem(500, "A mistake of the server, which is in its log.")
            .problem(507, "The disk of the server is full. Reading and deleting work.")
            .problem(503, "The database or the storage is away. Try again after `Retry-After` seconds.")
    }

    /// What it does, beyond its summary; Markdown.
    pub fn says(mut self, description: &str) -> Self {
        self.operation.description = Some(description.to_owned());
        self
    }

    /// Who may call it.
    pub fn by(mut self, who: Who) -> Self {
        let requirement = |name, scopes: &[&str]| SecurityRequirement::new(name, scopes.iter().copied());
        let signed_in = |scopes: &[&str]| {
            // OAuth 2's flow has no scopes: its tokens are good for everything.
            vec![requirement(super::BEARER, scopes), requirement(super::PASSWORD, &[]), requirement(super::COOKIE, &[])]
        };
        self.operation.security = Some(match who {
            Who::Anyone => Vec::new(),
            Who::Either => [vec![SecurityRequirement::default()], signed_in(&[])].concat(),
            Who::Scoped(scope) => signed_in(&[scope.as_str()]),
        });
        if who != Who::Anyone {
            self = self.problem(401, "Nobody is signed in, or the token is not good any more.");
        }
        if !matches!(self.method, HttpMethod::Get) {
            self = self.problem(403, "It came from another site's page, or is refused on principle.");
        }
        if let Who::Scoped(scope) = who {
            self = self.problem(403, &format!("A personal access token needs the scope `{}`.", scope.as_str()));
        }
        self
    }

    /// A parameter.
    pub fn takes(mut self, parameter: Parameter) -> Self {
        self.operation.parameters.get_or_insert_default().push(RefOr::T(parameter));
        self
    }

    /// A body of this type. Said more than once, the body may be any of them.
    pub fn sends<T: ToSchema>(mut self, content_type: &str) -> Self {
        let mut content = self.content_of::<T>().build();
        if content_type == "multipart/form-data" {
            // The real type is found by reading the bytes.
            let any = EncodingBuilder::new().content_type(Some("image/*, application/octet-stream")).build();
            content.encoding.insert("file".to_owned(), any);
        }
        let body = self.operation.request_body.get_or_insert_with(|| {
            let mut body = RequestBody::new();
            body.required = Some(Required::True);
            RefOr::T(body)
        });
        if let RefOr::T(body) = body {
            body.content.insert(content_type.to_owned(), RefOr::T(content));
        }
        self.problem(400, "The request cannot be read, such as JSON that is none.")
            .problem(413, "More bytes than allowed.")
            .problem(415, "The body is of another type, or compressed.")
    }

    /// A body of plain bytes.
    pub fn sends_bytes(mut self, what: &str) -> Self {
        let mut body = RequestBody::new();
        body.required = Some(Required::True);
        body.description = Some(what.to_owned());
        let bytes = ContentBuilder::new().schema(Some(
            ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary))),
        ));
        body.content.insert("application/octet-stream".to_owned(), RefOr::T(bytes.build()));
        self.operation.request_body = Some(RefOr::T(body));
        self.problem(415, "The body is compressed.")
    }

    /// The body may be left out.
    pub fn or_nothing(mut self) -> Self {
        if let Some(RefOr::T(body)) = &mut self.operation.request_body {
            body.required = Some(Required::False);
        }
        self
    }

    /// An answer of this type, as JSON.
    pub fn answers<T: ToSchema>(mut self, status: u16, when: &str) -> Self {
        let content = self.content_of::<T>().build();
        self.answer(status, ResponseBuilder::new().description(when).content("application/json", content).build())
    }

    /// An answer that is text of this type.
    pub fn answers_text(self, status: u16, content_type: &str, when: &str) -> Self {
        let text = ContentBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String))).build();
        self.answer(status, ResponseBuilder::new().description(when).content(content_type, text).build())
    }

    /// An answer without a body.
    pub fn answers_nothing(self, status: u16, when: &str) -> Self {
        self.answer(status, ResponseBuilder::new().description(when).build())
    }

    /// A header of the answers with this status.
    pub fn with_header(mut self, status: u16, name: &str, what: &str) -> Self {
        if let Some(RefOr::T(response)) = self.operation.responses.responses.get_mut(&status.to_string()) {
            response.headers.insert(name.to_owned(), RefOr::T(header(what)));
        }
        self
    }

    /// A refusal, as a problem. Said again for a status, the words are added.
    pub fn problem(mut self, status: u16, when: &str) -> Self {
        let known = self.operation.responses.responses.get_mut(&status.to_string());
        if let Some(RefOr::T(response)) = known {
            if !response.description.contains(when) {
                let _ = write!(response.description, " {when}");
            }
            return self;
        }
        let content = self.content_of::<ProblemJson>().build();
        let response = ResponseBuilder::new().description(when).content(problem::CONTENT_TYPE, content);
        let response = match status {
            401 => response.header("WWW-Authenticate", header("How to sign in: `Bearer realm=\"lumina\"`.")),
            429 => response
                .header("Retry-After", header("After how many seconds to try again."))
                .header("RateLimit", header("How much is left, and for how long: `\"requests\";r=0;t=12`."))
                .header(
                    "RateLimit-Policy",
                    header("Of which limit: `\"requests\";q=30000;w=60`, so many in so many seconds."),
                ),
            503 => response.header("Retry-After", header("After how many seconds to try again.")),
            _ => response,
        };
        self.answer(status, response.build())
    }

    /// As one entry of the description.
    pub fn finish(self) -> (&'static str, HttpMethod, Operation, Vec<Named>) {
        (self.path, self.method, self.operation, self.schemas)
    }

    fn answer(mut self, status: u16, response: Response) -> Self {
        self.operation.responses.responses.insert(status.to_string(), RefOr::T(response));
        self
    }

    fn content_of<T: ToSchema>(&mut self) -> ContentBuilder {
        T::schemas(&mut self.schemas);
        self.schemas.push((T::name().into_owned(), T::schema()));
        ContentBuilder::new().schema(Some(Ref::from_schema_name(T::name())))
    }
}

fn header(what: &str) -> Header {
    HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String))).description(Some(what)).build()
}

/// A parameter of the query.
pub fn query(name: &str, what: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    parameter(ParameterIn::Query, name, what, schema).required(Required::False).build()
}

/// A header of the request.
pub fn request_header(name: &str, what: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    parameter(ParameterIn::Header, name, what, schema).required(Required::False).build()
}

/// A part of the path.
pub fn path_parameter(name: &str, what: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    parameter(ParameterIn::Path, name, what, schema).required(Required::True).build()
}

/// The id in the path.
pub fn id(what: &str) -> Parameter {
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
        .examples(["0199a2f0-5a4b-7c3e-9d1f-2b6f0c8e4a11"]);
    parameter(ParameterIn::Path, "id", what, schema).required(Required::True).build()
}

/// What a list that the client knows already was tagged with.
pub fn if_none_match() -> Parameter {
    let what = "The `ETag` of the list that you have: the answer is 304 while it is the same.";
    request_header(
        "If-None-Match",
        what,
        ObjectBuilder::new().schema_type(Type::String).examples(["W/\"q4vJ0m8uYk1c\""]),
    )
}

/// What the client thinks that it changes.
pub fn if_match() -> Parameter {
    let what =
        "The `ETag` of what you read: the change is made only while it is still the same, else the answer is 412.";
    request_header("If-Match", what, ObjectBuilder::new().schema_type(Type::String).examples(["\"q4vJ0m8uYk1c\""]))
}

fn parameter(place: ParameterIn, name: &str, what: &str, schema: impl Into<RefOr<Schema>>) -> ParameterBuilder {
    ParameterBuilder::new().name(name).parameter_in(place).description(Some(what)).schema(Some(schema))
}

/// What is sent as JSON.
pub const JSON: &str = "application/json";

/// What is sent as a form.
pub const FORM: &str = "application/x-www-form-urlencoded";
