//! Twice the load that the server can bear: an open loop, in which requests come at their times whether or not the ones
//! before them were answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hyper::StatusCode;

use crate::AnyError;
use crate::load::{self, Plan, Wire};
use crate::server::{Child, Subject};

/// Connections that carry the load. As long as answers come soon, most of them wait for their next request.
const CONNECTIONS: usize = 2_000;
/// A request that found no connection free for so long is given up: nobody waits for ever.
const PATIENCE: Duration = Duration::from_secs(1);
/// Connections of the closed loop that tells where to look for the peak.
const CLOSED_CONNECTIONS: usize = 64;
/// Loads that are offered to find the peak, as parts of what the closed loop reached.
const STEPS: [f64; 6] = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
/// A load is borne if so many of its requests are served, and 99 in 100 of them within so long.
const BORNE_SHARE: f64 = 0.99;
const BORNE_P99: Duration = Duration::from_millis(100);
/// Before this much of a round, nothing is counted: the server has to find its limit first.
const SETTLING: f64 = 0.25;

/// Finds the peaks of writes and reads, offers twice as much, and prints the table.
pub(crate) async fn run(round: Duration, server_bin: Option<std::path::PathBuf>) -> Result<(), AnyError> {
    let cores = std::thread::available_parallelism()?.get();
    // A generator that has to work twice as hard must not take the processor from the server.
    let apart = (cores > 1).then(|| (format!("0-{}", cores / 2 - 1), format!("{}-{}", cores / 2, cores - 1)));
    if let Some((_, own)) = &apart {
        let own_id = std::process::id().to_string();
        let moved = std::process::Command::new("taskset").args(["-acp", own, &own_id]).output()?;
        if !moved.status.success() {
            return Err("taskset (of util-linux) could not keep server and generator apart".into());
        }
    }
    let server = Child::tozstore_on(server_bin, apart.as_ref().map(|(server, _)| server.as_str()))?;
    let subject = Subject::prepare(&server).await?;
    println!("## Overload: an open loop over {CONNECTIONS} connections, one record of 1 KB a request");
    if let Some((server, own)) = &apart {
        println!("\nServer on processor core {server}, generator on {own}.");
    }
    println!();
    println!(
        "| what | offered per second | served per second | of the peak | p50 ms | p99 ms | refused per second | p99 ms of refusals | given up per second | server's CPU | generator's CPU |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (what, plan) in [
        ("durable writes", Plan::writes(&server, &subject, CLOSED_CONNECTIONS, round / 2)),
        ("reads", Plan::reads(&server, &subject, CLOSED_CONNECTIONS, round / 2)),
    ] {
        let closed = load::run(plan.clone()).await?.per_second();
        let mut peak: Option<Outcome> = None;
        for step in STEPS {
            let outcome = offer(&plan, closed * step, round / 2).await?;
            let better =
                peak.as_ref().is_none_or(|peak| outcome.served_per_second() > peak.served_per_second());
            if outcome.is_borne() && better {
                peak = Some(outcome);
            }
        }
        let peak = peak.ok_or("the server bore none of the loads: is the machine busy?")?;
        row(&format!("{what}, peak"), &peak, &peak);
        for times in [1.5, 2.0, 3.0] {
            let outcome = offer(&plan, peak.offered_per_second * times, round * 2).await?;
            row(&format!("{what}, {times} times the peak"), &outcome, &peak);
        }
    }
    println!();
    Ok(())
}

fn row(what: &str, outcome: &Outcome, peak: &Outcome) {
    let Outcome { served, refused, .. } = outcome;
    println!(
        "| {what} | {:.0} | {:.0} | {:.2} | {:.1} | {:.1} | {:.0} | {:.1} | {:.0} | {:.2} | {:.2} |",
        outcome.offered_per_second,
        outcome.served_per_second(),
        outcome.served_per_second() / peak.served_per_second(),
        load::percentile_ms(served, 0.50),
        load::percentile_ms(served, 0.99),
        refused.len() as f64 / outcome.counted.as_secs_f64(),
        load::percentile_ms(refused, 0.99),
        outcome.given_up as f64 / outcome.counted.as_secs_f64(),
        outcome.server_cores,
        outcome.generator_cores,
    );
}

/// What came of a load. Times are from when a request was to be sent.
struct Outcome {
    offered_per_second: f64,
    counted: Duration,
    served: Vec<Duration>,
    refused: Vec<Duration>,
    given_up: usize,
    server_cores: f64,
    generator_cores: f64,
}

impl Outcome {
    fn served_per_second(&self) -> f64 {
        self.served.len() as f64 / self.counted.as_secs_f64()
    }

    fn is_borne(&self) -> bool {
        self.served_per_second() >= self.offered_per_second * BORNE_SHARE
            && load::percentile_ms(&self.served, 0.99) <= BORNE_P99.as_secs_f64() * 1000.0
    }
}

/// Requests that are due one after another, shared by all connections.
struct Schedule {
    begun: Instant,
    interval: Duration,
    next: AtomicUsize,
    length: Duration,
}

/// What one connection saw of requests that were due when the server had settled.
#[derive(Default)]
struct Seen {
    served: Vec<Duration>,
    refused: Vec<Duration>,
    given_up: usize,
}

async fn offer(plan: &Plan, per_second: f64, length: Duration) -> Result<Outcome, AnyError> {
    let mut wires = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        wires.push(Wire::open(plan).await?);
    }
    let schedule = Arc::new(Schedule {
        begun: Instant::now(),
        interval: Duration::from_secs_f64(1.0 / per_second),
        next: AtomicUsize::new(0),
        length,
    });
    let cpu = load::CpuTimes::now(plan);
    let tasks: Vec<_> = wires
        .into_iter()
        .map(|wire| tokio::spawn(connection(wire, plan.clone(), Arc::clone(&schedule))))
        .collect();
    let mut all = Seen::default();
    for task in tasks {
        let seen = task.await??;
        all.served.extend(seen.served);
        all.refused.extend(seen.refused);
        all.given_up += seen.given_up;
    }
    let (server_cores, generator_cores) = cpu.cores_since(schedule.begun.elapsed());
    let Seen { mut served, mut refused, given_up } = all;
    served.sort_unstable();
    refused.sort_unstable();
    let counted = length.mul_f64(1.0 - SETTLING);
    Ok(Outcome {
        offered_per_second: per_second,
        counted,
        served,
        refused,
        given_up,
        server_cores,
        generator_cores,
    })
}

async fn connection(mut wire: Wire, plan: Plan, schedule: Arc<Schedule>) -> Result<Seen, AnyError> {
    let mut seen = Seen::default();
    let first_counted = schedule.length.mul_f64(SETTLING);
    loop {
        let number = schedule.next.fetch_add(1, Ordering::Relaxed);
        let due = schedule.interval.mul_f64(number as f64);
        if due >= schedule.length {
            return Ok(seen);
        }
        let counts = due >= first_counted;
        let due_at = schedule.begun + due;
        if due_at.elapsed() > PATIENCE {
            seen.given_up += usize::from(counts);
            continue;
        }
        tokio::time::sleep_until(due_at.into()).await;
        let status = wire.send(&plan, number).await?;
        match status {
            _ if !counts => {}
            status if status == plan.expected => seen.served.push(due_at.elapsed()),
            StatusCode::SERVICE_UNAVAILABLE => seen.refused.push(due_at.elapsed()),
            status => return Err(format!("the server answered {status}").into()),
        }
    }
}
