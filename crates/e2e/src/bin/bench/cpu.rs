//! Processor time of processes and threads, from /proc (proc(5)).

use std::time::Duration;

/// Time that a process has spent on processors so far. Zero where it cannot be told.
pub(crate) fn time_of(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The command's name may hold spaces; what follows its closing bracket is split by them. utime and stime are the
    // fields 14 and 15 of the line, 12 and 13 of the rest. A tick is 10 ms on Linux.
    let rest = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 =
        rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Time that this thread has spent on a processor so far. Zero where it cannot be told.
pub(crate) fn time_of_thread() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split_whitespace().next().and_then(|field| field.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}
