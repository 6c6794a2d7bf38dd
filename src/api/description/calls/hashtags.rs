//! Hashtags that are for all to see.

use utoipa::openapi::path::HttpMethod::{Delete, Get, Post};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::api::description::call::Who::{Anyone, Scoped};
use crate::api::description::call::{Call, JSON, if_none_match, path_parameter, query};
use crate::api::hashtags::{HashtagJson, HashtagList, LARGEST_PAGE, NewHashtag};
use crate::models::{Scope, hashtag};

/// In the order in which one meets them.
pub fn calls() -> Vec<Call> {
    let call = |method, path, id, summary| Call::new(method, path, "Hashtags", id, summary);
    let text = || ObjectBuilder::new().schema_type(Type::String).examples(["sun"]);
    let name = || text().min_length(Some(1)).max_length(Some(hashtag::LONGEST));
    let limit = || {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1.0))
            .maximum(Some(LARGEST_PAGE as f64))
            .default(Some(LARGEST_PAGE.into()))
            .examples([LARGEST_PAGE])
    };
    let list = |call: Call| {
        call.by(Anyone)
            .takes(query("limit", "Hashtags a page.", limit()))
            .takes(query("after", "The name that the page begins after, as in the address in `next`.", text()))
            .takes(if_none_match())
            .answers::<HashtagList>(200, "A page.")
            .with_header(200, "ETag", "Of this list: send it as `If-None-Match` next time.")
            .answers_nothing(304, "You have this list already.")
            .problem(400, "The address cannot be read.")
            .problem(422, "`limit` is no number that is allowed.")
    };
    vec![
        call(Post, "/api/v1/hashtags/", "createHashtag", "Create a hashtag")
            .says("For all to see, whether a photo carries it or not.")
            .by(Scoped(Scope::WritePhotos))
            .sends::<NewHashtag>(JSON)
            .answers::<HashtagJson>(201, "It is new.")
            .answers::<HashtagJson>(200, "It was there already.")
            .problem(422, "This cannot be a hashtag, an admin took it off the list, or you have created 500."),
        list(call(Get, "/api/v1/hashtags/", "listHashtags", "List hashtags"))
            .says("Those that somebody created, and those on public photos. Go on with the address in `next`."),
        list(call(Get, "/api/v1/hashtags/search", "searchHashtags", "Search hashtags"))
            .says("Those with `q` in their name; those that begin with it come first.")
            .takes(query("q", "A part of the name, capital or not. Only its first 200 characters count.", text())),
        call(Delete, "/api/v1/hashtags/{name}", "removeHashtag", "Take a hashtag off the public list")
            .says("For admins. It stays on the photos that carry it. Creating it again, as an admin, puts it back.")
            .by(Scoped(Scope::WritePhotos))
            .takes(path_parameter("name", "Its name.", name()))
            .answers_nothing(204, "It is on the list no more.")
            .problem(404, "There is no such hashtag, or you are no admin."),
    ]
}
