//! `GET /account/sharex`: a custom uploader for ShareX, ready but for the token, which is told once and never again.

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::app::AppState;
use crate::routes;
use crate::web::auth::CurrentUser;

/// The configuration, as a file to open with ShareX.
pub async fn show_sharex(state: web::Data<AppState>, _: CurrentUser) -> HttpResponse {
    let public_url = &state.config.public_url;
    let uploader = json!({
        "Version": "15.0.0",
        "Name": format!("Lumina ({})", public_url.origin().rsplit('/').next().unwrap_or_default()),
        "DestinationType": "ImageUploader",
        "RequestMethod": "POST",
        "RequestURL": state.absolute(routes::api_new_photo()),
        "Headers": { "Authorization": "Bearer PUT_YOUR_TOKEN_HERE" },
        "Body": "MultipartFormData",
        "Arguments": { "hashtags": "sharex", "visibility": "link" },
        "FileFormName": "file",
        "URL": "{json:public_url}",
        "ThumbnailURL": "{json:renditions.small.url}",
        "ErrorMessage": "{json:detail}",
    });
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"lumina.sxcu\""))
        .body(format!("{uploader:#}\n"))
}
