//! What the system knows of this process, under the names that all Prometheus clients use. Linux alone tells; elsewhere
//! these are missing.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;

use super::observed::gauge;

/// Reads `/proc/self` each time.
#[derive(Debug)]
pub(super) struct Process;

/// Linux counts in hundredths of a second for programs, whatever its own clock does.
const TICKS_A_SECOND: f64 = 100.0;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        if let Some(seconds) = cpu_seconds() {
            let counter = ConstCounter::new(seconds);
            let what = "CPU time used, in seconds";
            counter.encode(encoder.encode_descriptor("process_cpu_seconds", what, None, counter.metric_type())?)?;
        }
        let values = [
            ("process_resident_memory_bytes", "Memory in use", status("VmRSS:")),
            ("process_virtual_memory_bytes", "Address space in use", status("VmSize:")),
            (
                "process_open_fds",
                "Open file descriptors",
                fs::read_dir("/proc/self/fd").ok().map(|fds| fds.count() as u64),
            ),
            ("process_max_fds", "How many may be open", most_fds()),
        ];
        let known = values.into_iter().filter_map(|(name, what, value)| Some((name, what, value?)));
        known.into_iter().try_for_each(|(name, what, value)| gauge(&mut encoder, name, what, value))
    }
}

/// proc_pid_stat(5): utime and stime are fields 14 and 15; the second may hold spaces.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let fields = stat.rsplit_once(") ")?.1.split(' ').skip(11).take(2);
    let ticks: u64 = fields.map(|field| field.parse::<u64>().unwrap_or(0)).sum();
    Some(ticks as f64 / TICKS_A_SECOND)
}

/// A line of proc_pid_status(5), in bytes.
fn status(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

fn most_fds() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    limits.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_whitespace().next()?.parse().ok()
}
