//! Requests to the API, and uploads: so wide that no person meets them. Counted in this process alone, and let through at an
//! even rate with a minute's worth at once (GCRA).

use std::net::IpAddr;
use std::num::NonZeroU32;

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{HttpRequest, web};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use super::address::{self, Wider};
use super::tell;
use crate::app::AppState;
use crate::config::Limits;
use crate::error::{AppError, TooMany};
use crate::models::UserId;
use crate::models::tries::Limit;
use crate::routes;

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Who {
    Address(IpAddr),
    Network(Wider),
    User(UserId),
}

type Limiter = RateLimiter<Who, HashMapStateStore<Who>, DefaultClock, StateInformationMiddleware>;

/// Counts requests and uploads.
pub struct Rates {
    requests: Rate,
    uploads: Rate,
}

/// So many a minute, by address and by account; of IPv6 by wider networks too, which may do more.
struct Rate {
    limit: Limit,
    limiter: Limiter,
    /// In the order of [`address::wider`].
    wider: Vec<Limiter>,
    clock: DefaultClock,
}

impl Rate {
    fn new(name: &'static str, per_minute: u32) -> Self {
        let count = NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN);
        let limiter = |count| RateLimiter::hashmap(Quota::per_minute(count)).with_middleware();
        let times = |factor| count.saturating_mul(NonZeroU32::new(factor).unwrap_or(NonZeroU32::MIN));
        let wider = address::WIDER.map(|(_, factor)| limiter(times(factor))).into();
        let limit = Limit { name, count: count.get(), seconds: 60 };
        Self { limit, limiter: limiter(count), wider, clock: DefaultClock::default() }
    }

    /// How many more there may be at once.
    fn take(&self, who: Who) -> Result<u32, TooMany> {
        let left = self.check(&self.limiter, who)?;
        if let Who::Address(network) = who {
            for (limiter, wider) in self.wider.iter().zip(address::wider(network)) {
                self.check(limiter, Who::Network(wider))?;
            }
        }
        Ok(left)
    }

    fn check(&self, limiter: &Limiter, who: Who) -> Result<u32, TooMany> {
        match limiter.check_key(&who) {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(not_yet) => Err(TooMany { limit: self.limit, wait: not_yet.wait_time_from(self.clock.now()) }),
        }
    }

    /// Seconds until everything is there again.
    fn whole_again_in(&self, left: u32) -> u64 {
        u64::from(self.limit.count.saturating_sub(left)).saturating_mul(60).div_ceil(u64::from(self.limit.count))
    }
}

impl Rates {
    /// With the configured numbers.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            requests: Rate::new("requests", limits.requests_per_minute),
            uploads: Rate::new("uploads", limits.uploads_per_minute),
        }
    }

    /// A request to the API that `user` makes.
    ///
    /// # Errors
    /// [`AppError::TooMany`].
    pub fn request_of(&self, user: UserId) -> Result<(), AppError> {
        self.requests.take(Who::User(user)).map(drop).map_err(AppError::TooMany)
    }

    /// An upload that `user` begins.
    ///
    /// # Errors
    /// [`AppError::TooMany`].
    pub fn upload_of(&self, request: &HttpRequest, user: UserId) -> Result<(), AppError> {
        [Who::Address(address::of(request)), Who::User(user)]
            .into_iter()
            .try_for_each(|who| self.uploads.take(who).map(drop))
            .map_err(AppError::TooMany)
    }

    /// Forgets those who have not come for a while, so that memory stays bounded by who comes.
    pub fn sweep(&self) {
        for rate in [&self.requests, &self.uploads] {
            std::iter::once(&rate.limiter).chain(&rate.wider).for_each(Limiter::retain_recent);
        }
    }
}

/// Counts requests to the API by address, and says how many more there may be.
pub async fn count_requests(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let state = request.app_data::<web::Data<AppState>>().cloned();
    let Some(state) = state.filter(|_| routes::is_api(request.path())) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let requests = &state.rates.requests;
    match requests.take(Who::Address(address::of(request.request()))) {
        Err(too_many) => Ok(request.error_response(AppError::TooMany(too_many))),
        Ok(left) => {
            let mut response = next.call(request).await?.map_into_boxed_body();
            tell(response.headers_mut(), requests.limit, left, requests.whole_again_in(left));
            Ok(response)
        }
    }
}
