//! What HTTP alone costs: a handler that answers with a constant of 1 KB, in a process of its own.

use axum::Router;
use axum::routing::any;

use crate::AnyError;

pub(crate) fn run() -> Result<(), AnyError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let body = "x".repeat(1024);
        let router = Router::new().fallback(any(move || std::future::ready(body.clone())));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on http://{}", listener.local_addr()?);
        axum::serve(listener, router).await?;
        Ok(())
    })
}
