//! What the operating system says of this process, under the names that Prometheus clients agree on.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge};
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::fixed;

/// `None` for what the system does not tell.
type Read = fn() -> Option<f64>;

/// Reads it at each scrape. What the system does not tell is left out: but for the CPU time, that is everything where
/// there is no `/proc`.
pub(super) struct Process {
    cpu: Counter,
    /// Each with what reads it.
    gauges: [(Gauge, Read); 6],
}

impl Process {
    pub(super) fn new() -> Self {
        let gauge = |name: &str, help: &str| fixed(Gauge::new(name, help));
        Self {
            cpu: fixed(Counter::new(
                "process_cpu_seconds_total",
                "CPU time that the process has used, in seconds.",
            )),
            gauges: [
                (
                    gauge("process_resident_memory_bytes", "Resident memory, in bytes."),
                    || status("VmRSS:").map(|kibibytes| kibibytes * 1024.0),
                ),
                (
                    gauge("process_virtual_memory_bytes", "Virtual memory, in bytes."),
                    || status("VmSize:").map(|kibibytes| kibibytes * 1024.0),
                ),
                (gauge("process_threads", "Threads of the process."), || {
                    status("Threads:")
                }),
                (gauge("process_open_fds", "Open file descriptors."), open_fds),
                (gauge("process_max_fds", "The most file descriptors."), max_fds),
                (
                    gauge(
                        "process_start_time_seconds",
                        "When the process was started, in seconds since 1970.",
                    ),
                    start_time,
                ),
            ],
        }
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        let gauges = self.gauges.iter().flat_map(|(gauge, _)| gauge.desc());
        self.cpu.desc().into_iter().chain(gauges).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // Two scrapes at once may both add what has come since the last: never more than a moment's worth.
        let since = cpu_seconds() - self.cpu.get();
        self.cpu.inc_by(since.max(0.0));
        let known = self.gauges.iter().filter_map(|(gauge, read)| {
            gauge.set(read()?);
            Some(gauge.collect())
        });
        self.cpu.collect().into_iter().chain(known.flatten()).collect()
    }
}

#[allow(clippy::cast_precision_loss)]
fn cpu_seconds() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

/// A number of `/proc/self/status`.
fn status(name: &str) -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    number_after(&text, name)
}

fn number_after(text: &str, name: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[allow(clippy::cast_precision_loss)]
fn open_fds() -> Option<f64> {
    // Less the one that reads the directory.
    let entries = std::fs::read_dir("/proc/self/fd").ok()?.count();
    Some(entries.saturating_sub(1) as f64)
}

#[allow(clippy::cast_precision_loss)]
fn max_fds() -> Option<f64> {
    getrlimit(Resource::Nofile).current.map(|most| most as f64)
}

#[allow(clippy::cast_precision_loss)]
fn start_time() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name, which may have anything in it but ends with the last bracket; the start
    // is the 22nd, in ticks since the machine's.
    let (_, fields) = stat.rsplit_once(") ")?;
    let ticks: f64 = fields.split(' ').nth(19)?.parse().ok()?;
    let machine = number_after(&std::fs::read_to_string("/proc/stat").ok()?, "btime")?;
    Some(machine + ticks / rustix::param::clock_ticks_per_second() as f64)
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    fn what_is_told_is_plausible() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let started = start_time().expect("/proc");
        let age = now.as_secs_f64() - started;
        assert!((-1.5..24.0 * 3600.0).contains(&age), "{age}");
        let (rss, size) = (
            status("VmRSS:").expect("/proc"),
            status("VmSize:").expect("/proc"),
        );
        assert!(rss > 1000.0 && size >= rss, "{rss} {size}");
        assert!(status("Threads:").expect("/proc") >= 1.0);
    }

    #[test]
    fn each_descriptor_counts_once() {
        // Others open and close theirs meanwhile; nobody else opens a thousand.
        let before = open_fds().expect("/proc");
        let files: Vec<_> = (0..1000)
            .map_while(|_| std::fs::File::open("/proc/self/stat").ok())
            .collect();
        let more = open_fds().expect("/proc") - before;
        let opened = f64::from(u16::try_from(files.len()).expect("a thousand"));
        assert!((more - opened).abs() < 100.0, "{more} of {opened}");
        assert!(max_fds().is_none_or(|most| most >= before + opened));
    }

    #[test]
    fn cpu_time_is_finer_than_a_second() {
        let before = cpu_seconds();
        while cpu_seconds() - before < 0.02 {}
        assert!(cpu_seconds() - before < 1.0);
    }
}
