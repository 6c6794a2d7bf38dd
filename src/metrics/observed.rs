//! What has a value at any time: connections, permits, memory of the decoders. Looked at when somebody asks.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;

use crate::album::Album;
use crate::db::Db;
use crate::passwords::Passwords;

/// What is looked at.
pub(super) struct Observed {
    db: Db,
    album: Album,
    passwords: Passwords,
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed").finish_non_exhaustive()
    }
}

impl Observed {
    pub(super) fn new(db: &Db, album: &Album, passwords: &Passwords) -> Self {
        Self { db: db.clone(), album: album.clone(), passwords: passwords.clone() }
    }
}

impl Collector for Observed {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let (database, decoders, bcrypt) = (self.db.usage(), self.album.decoders_usage(), self.passwords.usage());
        let values = [
            ("lumina_database_connections", "Open connections to the database", u64::from(database.connections)),
            ("lumina_database_connections_idle", "Those nobody uses now", u64::from(database.idle)),
            ("lumina_database_permits", "How many may use the database at once", database.permits),
            ("lumina_database_permits_in_use", "How many do", database.permits_in_use),
            ("lumina_decoder_threads", "How many photos may be worked on at once", decoders.threads),
            ("lumina_decoder_jobs", "Pieces of image work, those that wait included", decoders.jobs),
            ("lumina_decoder_memory_bytes", "Memory that all image work may take", decoders.memory_bytes),
            ("lumina_decoder_memory_in_use_bytes", "Memory that it takes now", decoders.memory_in_use_bytes),
            ("lumina_bcrypt_permits", "How many passwords may be checked at once", bcrypt.0),
            ("lumina_bcrypt_permits_in_use", "How many are", bcrypt.1),
        ];
        values.into_iter().try_for_each(|(name, help, value)| gauge(&mut encoder, name, help, value))
    }
}

/// One gauge without labels.
pub(super) fn gauge(encoder: &mut DescriptorEncoder, name: &str, help: &str, value: u64) -> fmt::Result {
    let gauge = ConstGauge::new(value);
    gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
}
