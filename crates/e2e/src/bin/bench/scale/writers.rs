//! Writes a second with several writers at once.

use std::time::{Duration, Instant};

use super::access::{Access, Caller};
use crate::AnyError;

/// Writes a second over so many connections.
pub(crate) async fn per_second(
    caller: &Caller,
    connections: u64,
    round: Duration,
    first_step: u64,
) -> Result<f64, AnyError> {
    let mut callers = Vec::new();
    for _ in 0..connections {
        callers.push(caller.again().await?);
    }
    let begun = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .zip(callers)
        .map(|(number, mut caller)| {
            tokio::spawn(async move {
                let mut step = first_step + number;
                let mut written = 0_u64;
                while begun.elapsed() < round {
                    caller.ask(Access::Write, step).await?;
                    step += connections;
                    written += 1;
                }
                Ok::<_, AnyError>(written)
            })
        })
        .collect();
    let mut written = 0;
    for task in tasks {
        written += task.await??;
    }
    Ok(written as f64 / begun.elapsed().as_secs_f64())
}
