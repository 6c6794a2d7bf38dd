//! Hashtags that are for all to see.

use utoipa::openapi::path::HttpMethod::{Get, Post};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::api::description::call::Who::{Anyone, Scoped};
use crate::api::description::call::{Call, JSON, if_none_match, query};
use crate::api::hashtags::{HashtagJson, HashtagList, NewHashtag};
use crate::models::Scope;

/// In the order in which one meets them.
pub fn calls() -> Vec<Call> {
    let call = |method, path, id, summary| Call::new(method, path, "Hashtags", id, summary);
    let text = || ObjectBuilder::new().schema_type(Type::String).examples(["sun"]);
    let list = |call: Call| {
        call.by(Anyone)
            .takes(if_none_match())
            .answers::<HashtagList>(200, "The hashtags.")
            .with_header(200, "ETag", "Of this list: send it as `If-None-Match` next time.")
            .answers_nothing(304, "You have this list already.")
    };
    vec![
        call(Post, "/api/v1/hashtags/", "createHashtag", "Create a hashtag")
            .says("For all to see, whether a photo carries it or not.")
            .by(Scoped(Scope::WritePhotos))
            .sends::<NewHashtag>(JSON)
            .answers::<HashtagJson>(201, "It is new.")
            .answers::<HashtagJson>(200, "It was there already.")
            .problem(422, "This cannot be a hashtag."),
        list(call(Get, "/api/v1/hashtags/", "listHashtags", "List hashtags"))
            .says("Those that somebody created, and those on public photos."),
        list(call(Get, "/api/v1/hashtags/search", "searchHashtags", "Search hashtags"))
            .says("Those with `q` in their name; those that begin with it come first.")
            .takes(query("q", "A part of the name, capital or not. Only its first 200 characters count.", text()))
            .problem(400, "The address cannot be read."),
    ]
}
