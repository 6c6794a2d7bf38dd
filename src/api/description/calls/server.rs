//! What tells of the server itself.

use utoipa::openapi::RefOr;
use utoipa::openapi::path::HttpMethod::Get;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::api::description::call::Who::Anyone;
use crate::api::description::call::{Call, if_none_match};
use crate::api::health::Health;

/// In the order in which one meets them.
pub fn calls() -> Vec<Call> {
    let call = |method, path, id, summary| Call::new(method, path, "Server", id, summary);
    vec![
        call(Get, "/health", "showHealth", "How the server is")
            .says("For load balancers and container engines.")
            .by(Anyone)
            .answers::<Health>(200, "It can answer requests.")
            .answers::<Health>(503, "The database or the storage is away.")
            .with_header(503, "Retry-After", "After how many seconds to try again."),
        call(Get, "/metrics", "showMetrics", "What is measured")
            .says(
                "For Prometheus. It says how much is done and nothing about whom. Where `metrics_token` is set, that is asked \
                 for, as `Authorization: Bearer …`.",
            )
            .by(Anyone)
            .answers_text(200, "text/plain", "The metrics, in Prometheus's text format.")
            .problem(401, "The token is missing or wrong."),
        call(Get, "/api/v1/openapi.json", "showDescription", "This description")
            .says("OpenAPI 3.1.")
            .by(Anyone)
            .takes(if_none_match())
            .answers::<Description>(200, "The description.")
            .with_header(200, "ETag", "Of this description.")
            .answers_nothing(304, "You have it already."),
        call(Get, "/api/v1/docs", "showDocs", "The page to read and try it")
            .says("The same as `/docs`.")
            .by(Anyone)
            .answers_text(200, "text/html", "The page."),
    ]
}

/// An OpenAPI document.
struct Description;

impl PartialSchema for Description {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).examples(["3.1.0"]);
        let object = ObjectBuilder::new().description(Some("An OpenAPI document.")).property("openapi", text);
        object.required("openapi").into()
    }
}

impl ToSchema for Description {}
