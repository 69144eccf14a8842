//! The load generator: as many connections as asked for, each sending its next request when the last one is answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;

use crate::server::{Child, Subject};
use crate::{AnyError, cpu};

/// What to send, and for how long.
#[derive(Clone)]
pub(crate) struct Plan {
    address: SocketAddr,
    pid: u32,
    connections: usize,
    round: Duration,
    method: Method,
    paths: Arc<Vec<String>>,
    authorization: Option<String>,
    body: Bytes,
    pub(crate) expected: StatusCode,
}

impl Plan {
    fn new(child: &Child, connections: usize, round: Duration) -> Self {
        Self {
            address: child.address,
            pid: child.pid(),
            connections,
            round,
            method: Method::GET,
            paths: Arc::new(vec!["/".to_owned()]),
            authorization: None,
            body: Bytes::new(),
            expected: StatusCode::OK,
        }
    }

    pub(crate) fn constant(child: &Child, connections: usize, round: Duration) -> Self {
        Self::new(child, connections, round)
    }

    pub(crate) fn writes(child: &Child, subject: &Subject, connections: usize, round: Duration) -> Self {
        Self {
            method: Method::POST,
            paths: Arc::new(vec!["/v1/storage/records".to_owned()]),
            authorization: Some(subject.authorization.clone()),
            body: subject.body.clone(),
            expected: StatusCode::CREATED,
            ..Self::new(child, connections, round)
        }
    }

    pub(crate) fn reads(child: &Child, subject: &Subject, connections: usize, round: Duration) -> Self {
        Self {
            paths: Arc::clone(&subject.record_paths),
            authorization: Some(subject.authorization.clone()),
            ..Self::new(child, connections, round)
        }
    }
}

/// What came of it.
pub(crate) struct Outcome {
    latencies: Vec<Duration>,
    elapsed: Duration,
    pub(crate) errors: usize,
    pub(crate) server_cores: f64,
    pub(crate) generator_cores: f64,
}

impl Outcome {
    pub(crate) fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    pub(crate) fn percentile_ms(&self, share: f64) -> f64 {
        percentile_ms(&self.latencies, share)
    }
}

/// Of times in order, the one that `share` of them are below.
pub(crate) fn percentile_ms(sorted: &[Duration], share: f64) -> f64 {
    let at = (sorted.len() as f64 * share) as usize;
    sorted.get(at).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1000.0)
}

/// What the processor did for server and generator up to a moment.
pub(crate) struct CpuTimes {
    server: (u32, Duration),
    own: (u32, Duration),
}

impl CpuTimes {
    pub(crate) fn now(plan: &Plan) -> Self {
        let own = std::process::id();
        Self { server: (plan.pid, cpu::time_of(plan.pid)), own: (own, cpu::time_of(own)) }
    }

    /// Cores that server and generator took since then.
    pub(crate) fn cores_since(&self, elapsed: Duration) -> (f64, f64) {
        let cores = |(pid, before)| (cpu::time_of(pid) - before).as_secs_f64() / elapsed.as_secs_f64();
        (cores(self.server), cores(self.own))
    }
}

/// A connection to the server.
pub(crate) struct Wire(hyper::client::conn::http1::SendRequest<Full<Bytes>>);

impl Wire {
    pub(crate) async fn open(plan: &Plan) -> Result<Self, AnyError> {
        let stream = tokio::net::TcpStream::connect(plan.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    /// Sends the request with this number, and reads the answer.
    pub(crate) async fn send(&mut self, plan: &Plan, number: usize) -> Result<StatusCode, AnyError> {
        let path = &plan.paths[number % plan.paths.len()];
        let mut request = Request::builder().method(&plan.method).uri(path).header("host", "localhost");
        if let Some(authorization) = &plan.authorization {
            request = request.header("authorization", authorization);
        }
        self.0.ready().await?;
        let response = self.0.send_request(request.body(Full::new(plan.body.clone()))?).await?;
        let status = response.status();
        response.into_body().collect().await?;
        Ok(status)
    }
}

pub(crate) async fn run(plan: Plan) -> Result<Outcome, AnyError> {
    let plan = Arc::new(plan);
    let errors = Arc::new(AtomicUsize::new(0));
    let cpu = CpuTimes::now(&plan);
    let begun = Instant::now();
    let tasks: Vec<_> = (0..plan.connections)
        .map(|number| tokio::spawn(connection(Arc::clone(&plan), number, begun, Arc::clone(&errors))))
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    let elapsed = begun.elapsed();
    latencies.sort_unstable();
    let (server_cores, generator_cores) = cpu.cores_since(elapsed);
    Ok(Outcome { errors: errors.load(Ordering::Relaxed), server_cores, generator_cores, latencies, elapsed })
}

async fn connection(
    plan: Arc<Plan>,
    number: usize,
    begun: Instant,
    errors: Arc<AtomicUsize>,
) -> Result<Vec<Duration>, AnyError> {
    let mut wire = Wire::open(&plan).await?;
    let mut latencies = Vec::new();
    // Each connection walks through the paths from a start of its own.
    for step in 0_usize.. {
        let sent = Instant::now();
        if sent - begun >= plan.round {
            break;
        }
        let status = wire.send(&plan, number * 7919 + step).await?;
        latencies.push(sent.elapsed());
        if status != plan.expected {
            errors.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(latencies)
}
