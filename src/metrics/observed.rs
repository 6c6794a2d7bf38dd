//! What has a value at any time: connections, permits, memory of the decoders. Looked at when somebody asks.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::album::Album;
use crate::db::Db;
use crate::passwords::Passwords;
use crate::telemetry;
use crate::web::connections::Connections;

/// What is looked at.
pub(super) struct Observed {
    db: Db,
    album: Album,
    passwords: Passwords,
    connections: Connections,
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed").finish_non_exhaustive()
    }
}

impl Observed {
    pub(super) fn new(db: &Db, album: &Album, passwords: &Passwords, connections: &Connections) -> Self {
        let connections = connections.clone();
        Self { db: db.clone(), album: album.clone(), passwords: passwords.clone(), connections }
    }
}

impl Collector for Observed {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let (database, decoders, bcrypt) = (self.db.usage(), self.album.decoders_usage(), self.passwords.usage());
        let connections = self.connections.usage();
        if let Ok(free) = self.album.storage().disk_space().look() {
            let what = "Room on the disk of the data folder that is nearest to its reserve";
            gauge(&mut encoder, "lumina_disk_free_bytes", what, free.bytes)?;
            let what = "What uploads leave free there: with less, they are refused";
            gauge(&mut encoder, "lumina_disk_reserve_bytes", what, free.reserve)?;
        }
        let values = [
            ("lumina_connections", "Open connections of browsers and programs", connections.open as u64),
            ("lumina_connections_max", "How many there may be", connections.max as u64),
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
        values.into_iter().try_for_each(|(name, help, value)| gauge(&mut encoder, name, help, value))?;
        let lost = ConstCounter::new(telemetry::lost_lines());
        let what = "Lines of the log that could not be written";
        lost.encode(encoder.encode_descriptor("lumina_log_lines_lost", what, None, lost.metric_type())?)
    }
}

/// One gauge without labels.
pub(super) fn gauge(encoder: &mut DescriptorEncoder, name: &str, help: &str, value: u64) -> fmt::Result {
    let gauge = ConstGauge::new(value);
    gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
}
