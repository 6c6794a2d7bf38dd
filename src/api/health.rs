//! `GET /health`: whether requests can be answered, for load balancers and container engines.

use actix_web::{HttpResponse, web};
use futures_util::future::join;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::AppState;
use crate::error::AppError;

/// Whether requests can be answered.
#[derive(Serialize, ToSchema)]
pub struct Health {
    /// `ok`, or `unavailable` when one of the others is there.
    #[schema(pattern = "^(ok|unavailable)$", example = "ok")]
    status: &'static str,
    /// `away` when the database does not answer, or takes no writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^away$", nullable = false, example = "away")]
    database: Option<&'static str>,
    /// `away` when the storage does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^away$", nullable = false, example = "away")]
    storage: Option<&'static str>,
    /// `full` when the disk is: uploads are refused. Everything else works, so the status stays `ok`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^full$", nullable = false, example = "full")]
    disk: Option<&'static str>,
}

/// 200 when the database takes writes and the storage answers, else 503 with what does not.
pub async fn show_health(state: web::Data<AppState>) -> HttpResponse {
    let (database, storage) = join(state.takes_writes.ask(()), state.album.is_up()).await;
    let away = |what: &str, answer: Result<(), AppError>| {
        answer.err().map(|error| {
            tracing::warn!(%error, what, "health");
            "away"
        })
    };
    let (database, storage) = (away("database", database), away("storage", storage));
    let disk = (!state.album.storage().disk_space().admits_uploads()).then_some("full");
    if database.is_none() && storage.is_none() {
        return HttpResponse::Ok().json(Health { status: "ok", database, storage, disk });
    }
    HttpResponse::ServiceUnavailable().json(Health { status: "unavailable", database, storage, disk })
}
