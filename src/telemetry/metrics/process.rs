//! `process_*`: what the kernel knows of this process, as Prometheus' own client libraries name it.

use std::fs;

/// Ticks of `/proc/<pid>/stat`: `USER_HZ`, 100 on every Linux.
const TICKS: f64 = 100.0;
const PAGE: u64 = 4096;

/// One reading.
#[derive(Debug, Default)]
pub(super) struct Process {
    pub(super) cpu_seconds: f64,
    /// Unix time.
    pub(super) started: f64,
    pub(super) virtual_bytes: u64,
    pub(super) resident_bytes: u64,
    pub(super) threads: u64,
    pub(super) open_files: u64,
    pub(super) most_files: u64,
}

impl Process {
    /// `None` where there is no `/proc`.
    pub(super) fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let boot = fs::read_to_string("/proc/stat").unwrap_or_default();
        let mut process = Self::parse(&stat, &limits, &boot)?;
        process.open_files = fs::read_dir("/proc/self/fd").map_or(0, |files| files.count() as u64);
        Some(process)
    }

    fn parse(stat: &str, limits: &str, boot: &str) -> Option<Self> {
        // The name of the program stands in brackets and may hold anything, spaces and brackets included.
        let (_, after_name) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        // proc(5) counts from the process number; the first one here is its third.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let ticks = |number: usize| field(number).map(|ticks| ticks as f64 / TICKS);
        let booted = boot.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<f64>().ok());
        let most_files =
            limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next());
        Some(Self {
            cpu_seconds: ticks(14)? + ticks(15)?,
            started: booted.unwrap_or(0.0) + ticks(22)?,
            virtual_bytes: field(23)?,
            resident_bytes: field(24)? * PAGE,
            threads: field(20)?,
            open_files: 0,
            most_files: most_files.and_then(|most| most.parse().ok()).unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Process;

    #[test]
    fn reads_a_program_name_with_brackets() {
        let stat = "42 (a b) c) S 1 42 42 0 -1 4194560 1 0 0 0 250 150 0 0 20 0 7 0 1000 8192 2 184467 1 1";
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024   4096   files\n";
        let process = Process::parse(stat, limits, "cpu 1\nbtime 1700000000\n").unwrap();
        assert!((process.cpu_seconds - 4.0).abs() < 1e-9);
        assert!((process.started - 1_700_000_010.0).abs() < 1e-9);
        assert_eq!((process.threads, process.virtual_bytes, process.resident_bytes), (7, 8192, 8192));
        assert_eq!(process.most_files, 1024);
    }

    #[test]
    fn reads_its_own() {
        let process = Process::read().unwrap();
        assert!(process.open_files > 0 && process.resident_bytes > 0 && process.started > 0.0);
    }
}
