//! `GET /metrics`: what Lumina measures of itself, for Prometheus.
//!
//! Open to all as long as no `metrics_token` is set: it says how much is done, and nothing about whom or what.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use sha2::{Digest, Sha256};

use crate::app::AppState;
use crate::error::AppError;
use crate::metrics;
use crate::models::{Session, instance};
use crate::web::caller::bearer;

/// For how long what has to be asked of others is waited for: these are wanted most when something is away.
const PATIENCE: Duration = Duration::from_secs(1);

/// All metrics.
pub async fn show_metrics(request: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, AppError> {
    if let Some(token) = &state.config.metrics_token {
        let shown = bearer(request.headers()).unwrap_or_default();
        // Of their hashes, so that the time it takes tells nothing.
        if Sha256::digest(shown) != Sha256::digest(token.expose()) {
            return Err(AppError::Credentials("This token does not open the metrics."));
        }
    }
    look(&state).await;
    let text = state.metrics.text().map_err(AppError::internal)?;
    Ok(HttpResponse::Ok().content_type(metrics::CONTENT_TYPE).body(text))
}

/// What has to be asked for.
async fn look(state: &AppState) {
    let metrics = &state.metrics;
    let asked = state.db.read(|conn| instance::take_writes(conn, &[()]).and_then(|_| Session::count(conn)));
    let sessions = actix_web::rt::time::timeout(PATIENCE, asked);
    let storage = actix_web::rt::time::timeout(PATIENCE, state.album.is_up());
    let (sessions, storage) = futures_util::future::join(sessions, storage).await;
    metrics.storage_up.set(matches!(storage, Ok(Ok(()))).into());
    metrics.database_up.set(matches!(sessions, Ok(Ok(_))).into());
    if let Ok(Ok(sessions)) = sessions {
        metrics.sessions.set(sessions);
    }
}
