//! `GET /health`: whether requests can be answered, for load balancers and container engines.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use diesel::connection::SimpleConnection;
use futures_util::future::join;
use serde_json::json;

use crate::app::AppState;

/// 200 when the database and the storage answer, else 503 with what does not.
pub async fn show_health(state: web::Data<AppState>) -> HttpResponse {
    let (database, storage) = join(state.db.read(|conn| conn.batch_execute("SELECT 1")), state.album.is_up()).await;
    let away = [("database", database.err()), ("storage", storage.err())];
    let away: Vec<_> = away.into_iter().filter_map(|(what, error)| Some((what, error?))).collect();
    if away.is_empty() {
        return HttpResponse::Ok().json(json!({ "status": "ok" }));
    }
    let mut answer = BTreeMap::from([("status", "unavailable")]);
    for (what, error) in away {
        tracing::warn!(%error, what, "health");
        answer.insert(what, "away");
    }
    HttpResponse::ServiceUnavailable().json(answer)
}
