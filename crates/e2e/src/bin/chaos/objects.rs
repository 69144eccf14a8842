//! An S3 server for the run, which outlives the servers that are killed.

use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::Request;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tower::ServiceExt as _;

use crate::AnyError;

const BUCKET: &str = "bucket";

/// Serves a bucket in a folder, on a port that it prints, to who has the keys.
pub(crate) async fn serve(folder: &Path, access_key: &str, secret_key: &str) -> Result<(), AnyError> {
    std::fs::create_dir_all(folder.join(BUCKET))?;
    let files = FileSystem::new(folder).map_err(|error| format!("{error:?}"))?;
    let mut service = S3ServiceBuilder::new(files);
    service.set_auth(SimpleAuth::from_single(access_key, secret_key));
    let service = service.build();
    let answer = async move |request: Request<Body>| -> Response {
        match service.clone().oneshot(request).await {
            Ok(answer) => answer.map(Body::new),
            Err(error) => Response::new(Body::from(format!("{error:?}"))),
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, Router::new().fallback(answer)).await?;
    Ok(())
}
