//! Photos that are here: list, show, change, delete.

use utoipa::openapi::RefOr;
use utoipa::openapi::path::HttpMethod::{Delete, Get, Patch};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};

use crate::api::description::call::Who::Scoped;
use crate::api::description::call::{Call, JSON, id, if_match, if_none_match, query};
use crate::api::photo_json::{PhotoJson, PhotoList};
use crate::api::photos::{LARGEST_PAGE, PAGE, Patch as PhotoChanges};
use crate::models::Scope;
use crate::models::gallery::MOST_FILTERS;

/// In the order in which one meets them.
pub fn calls() -> Vec<Call> {
    let call = |method, path, id, summary| Call::new(method, path, "Photos", id, summary);
    let whose = "Of a photo. One that does not exist and one of somebody else's answer the same.";
    vec![
        call(Get, "/api/v1/photos/", "listPhotos", "List photos")
            .says("A page of them, newest first. Go on with the address in `next`.")
            .by(Scoped(Scope::ReadPhotos))
            .takes(query(
                "hashtag",
                &format!("Only photos that carry it; given more than once, all of them. At most {MOST_FILTERS} names."),
                filters(),
            ))
            .takes(query("limit", "Photos a page.", limit()))
            .takes(query("after", "Where the page begins, as in the address in `next`.", cursor()))
            .takes(if_none_match())
            .answers::<PhotoList>(200, "A page.")
            .with_header(200, "ETag", "Of this page: send it as `If-None-Match` next time.")
            .answers_nothing(304, "You have this page already.")
            .problem(400, "`after` is no place in a list, or these are too many hashtags.")
            .problem(422, "`limit` is no number that is allowed."),
        call(Get, "/api/v1/photos/{id}", "showPhoto", "Show a photo")
            .by(Scoped(Scope::ReadPhotos))
            .takes(id(whose))
            .answers::<PhotoJson>(200, "The photo.")
            .with_header(200, "ETag", "Of the photo as it is: send it as `If-Match` with a change.")
            .problem(404, "You have no such photo."),
        call(Patch, "/api/v1/photos/{id}", "changePhoto", "Change a photo")
            .says("Title, hashtags, visibility: all that are sent, or none when one of them is wrong.")
            .by(Scoped(Scope::WritePhotos))
            .takes(id(whose))
            .sends::<PhotoChanges>(JSON)
            .takes(if_match())
            .answers::<PhotoJson>(200, "The photo as it is now.")
            .with_header(200, "ETag", "Of the photo as it is now.")
            .problem(404, "You have no such photo.")
            .problem(412, "The photo was changed since you read what `If-Match` names. Nothing was changed now.")
            .problem(422, "Fields are wrong."),
        call(Delete, "/api/v1/photos/{id}", "deletePhoto", "Delete a photo")
            .says("No door shows it from here on; its bytes go a minute later.")
            .by(Scoped(Scope::WritePhotos))
            .takes(id(whose))
            .answers_nothing(204, "It is gone.")
            .problem(404, "You have no such photo."),
    ]
}

fn filters() -> ArrayBuilder {
    let name = ObjectBuilder::new().schema_type(Type::String).max_length(Some(64)).examples(["sunset"]);
    ArrayBuilder::new().items(RefOr::T(Schema::from(name.build()))).max_items(Some(MOST_FILTERS))
}

fn limit() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1.0))
        .maximum(Some(LARGEST_PAGE as f64))
        .default(Some(PAGE.into()))
        .examples([PAGE])
}

fn cursor() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^(-?[0-9]{1,16}\\.[0-9a-f]{32}(\\.-?[0-9]{1,3})?)?$"))
        .examples(["1784053800000000.0199a2f05a4b7c3e9d1f2b6f0c8e4a11"])
}
