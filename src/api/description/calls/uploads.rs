//! Uploads: in one request, or put into the storage and confirmed.

use utoipa::ToSchema;
use utoipa::openapi::path::HttpMethod::{Post, Put};
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

use crate::api::description::call::Who::{Anyone, Scoped};
use crate::api::description::call::{Call, JSON, id, query, request_header};
use crate::api::idempotency::LONGEST;
use crate::api::photo_json::PhotoJson;
use crate::api::uploads::{Announcement, Confirmation, UploadTarget};
use crate::models::Scope;

/// Photos that come.
pub fn calls() -> Vec<Call> {
    let call = |method, path, id, summary| Call::new(method, path, "Photos", id, summary);
    vec![
        call(Post, "/api/v1/photos/", "uploadPhoto", "Upload a photo")
            .says("The same bytes again are not kept twice: the answer is the photo that is here, with the new hashtags added to it.")
            .by(Scoped(Scope::WritePhotos))
            .takes(idempotency_key())
            .sends::<Upload>("multipart/form-data")
            .answers::<PhotoJson>(201, "The photo. It is kept for good.")
            .with_header(201, "Location", "The photo's address in this API.")
            .answers::<PhotoJson>(200, "It was here already.")
            .with_header(200, "Location", "The photo's address in this API.")
            .problem(409, "The same request is being worked on under the same `Idempotency-Key`. Send it again in a moment.")
            .problem(413, "The file is larger than allowed.")
            .problem(415, "This is not a photo that can be read here.")
            .problem(422, "The photo is broken or too big to decode, no file or more than one came, or a hashtag cannot be one. Or the `Idempotency-Key` came with another request before."),
        call(Post, "/api/v1/photos/upload-url", "announceUpload", "Announce an upload")
            .says(
                "For large batches: ask for an address, put the file there by `PUT` with the headers of the answer, then confirm \
                 it. The address is the bucket's own, so that the bytes do not go through the server, or the server's where photos \
                 are on disk.",
            )
            .by(Scoped(Scope::WritePhotos))
            .sends::<Announcement>(JSON)
            .answers::<UploadTarget>(200, "Where to put it, and until when.")
            .problem(409, "Too many uploads wait to be confirmed, or too many bytes of them.")
            .problem(413, "The file is larger than allowed.")
            .problem(415, "A kind of content that is not taken.")
            .problem(422, "Fields are wrong."),
        call(Put, "/api/v1/photos/uploads/{id}", "putUpload", "Put a file at its address")
            .says("Where photos are on disk: the address that `announceUpload` answered leads here. Its secret is all that is asked for.")
            .by(Anyone)
            .takes(id("Of the upload, as it stands in its address."))
            .takes(query("secret", "As it stands in its address.", secret()))
            .sends_bytes("The whole file.")
            .answers_nothing(200, "It is there: confirm it.")
            .problem(400, "Not as many bytes came as were announced.")
            .problem(404, "No such upload is awaited.")
            .problem(409, "Another request is sending it.")
            .problem(413, "More is on its way than you may send at a time."),
        call(Post, "/api/v1/photos/confirm", "confirmUpload", "Confirm an upload")
            .says("What lies at its address becomes a photo, after the same checks as for any upload. What is never confirmed goes by itself.")
            .by(Scoped(Scope::WritePhotos))
            .takes(idempotency_key())
            .sends::<Confirmation>(JSON)
            .answers::<PhotoJson>(201, "The photo. It is kept for good.")
            .with_header(201, "Location", "The photo's address in this API.")
            .answers::<PhotoJson>(200, "It was here already, or was confirmed before.")
            .with_header(200, "Location", "The photo's address in this API.")
            .problem(404, "You have announced no such upload of late.")
            .problem(409, "The same request is being worked on under the same `Idempotency-Key`. Send it again in a moment.")
            .problem(415, "This is not a photo that can be read here.")
            .problem(422, "Nothing, or not what was announced, lies there; the photo is broken or too big to decode; or a hashtag cannot be one."),
    ]
}

/// A photo to upload.
#[derive(ToSchema)]
#[schema(as = Upload)]
#[expect(dead_code, reason = "the form is streamed; this says what is in it")]
struct Upload {
    /// A JPEG, PNG, GIF, WebP, HEIC or AVIF. Its own bytes decide, whatever is said of their type.
    #[schema(schema_with = binary)]
    file: String,
    /// At most 50, with `#`, commas and spaces in any mixture.
    #[schema(max_length = 16384, nullable = false, example = "crete, #sunset")]
    hashtags: Option<String>,
    /// Who may see it beside its owner: `private`, unless something else is sent; `link` or `public` make its `public_url`.
    #[schema(pattern = "^(private|link|public)$", nullable = false, example = "link")]
    visibility: Option<String>,
}

fn binary() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
        .description(Some(
            "A JPEG, PNG, GIF, WebP, HEIC or AVIF. Its own bytes decide, whatever is said of their type.",
        ))
}

/// What the address of an upload holds.
fn secret() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).examples(["q4vJ0m8uYk1c0v0mJ3xg7m2pC1n6r9t8w5z4x3y2v1u"])
}

/// Of a call that may be sent again after a lost answer.
fn idempotency_key() -> Parameter {
    let what = "Any text, such as a UUID, quoted or not. The same request under the same key, within 24 hours, is done once and \
                gets the same answer. A key whose request was refused or failed is free again.";
    // Spaces around it get lost on the way.
    let inner = LONGEST - 2;
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(format!("^ *(\"[ !#-~]{{1,{LONGEST}}}\"|[!#-~]|[!#-~][ !#-~]{{0,{inner}}}[!#-~]) *$")))
        .examples(["0b6c1c5e-4a0b-4b52-9d1e-5b8b4b3f6a77"]);
    request_header("Idempotency-Key", what, text)
}
