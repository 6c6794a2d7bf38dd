//! `GET /health`: whether requests can be answered, for load balancers and container engines.

use actix_web::{HttpResponse, web};
use diesel::connection::SimpleConnection;
use serde_json::json;

use crate::app::AppState;

/// 200 when the database answers, else 503.
pub async fn show_health(state: web::Data<AppState>) -> HttpResponse {
    match state.db.read(|conn| conn.batch_execute("SELECT 1")).await {
        Ok(()) => HttpResponse::Ok().json(json!({ "status": "ok" })),
        Err(error) => {
            tracing::warn!(%error, "health");
            HttpResponse::ServiceUnavailable().json(json!({ "status": "unavailable", "database": "away" }))
        }
    }
}
