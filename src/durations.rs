//! Histograms of durations, with the same bounds everywhere.

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

/// Upper bounds in seconds, from what memory answers to what a person gives up on.
const SECONDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// One for each set of labels.
pub type Durations<Labels> = Family<Labels, Histogram, fn() -> Histogram>;

/// Without anything in it.
#[must_use]
pub fn durations<Labels: Clone + std::hash::Hash + Eq>() -> Durations<Labels> {
    Family::new_with_constructor(|| Histogram::new(SECONDS))
}
