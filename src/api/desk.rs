//! Where workers leave what is not theirs to compute: it runs on the control runtime, and they wait a while.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use exchange::{Body, Error, Kind, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// Takes work, a bounded amount at a time.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    control: Handle,
    places: Arc<Semaphore>,
}

/// What comes back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: HeaderValue,
    pub(crate) body: Bytes,
    /// Number of the next page of a list, 1 when there is none.
    pub(crate) next_page: Option<usize>,
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NEXT_PAGE: HeaderName = HeaderName::from_static("x-next-page");
/// Requests that may be computed or wait to be.
const PLACES: usize = 16;
/// A list of a hundred thousand routers takes about a second.
const PATIENCE: Duration = Duration::from_secs(10);

// === impl Desk ===

impl Desk {
    pub(crate) fn new(control: Handle) -> Self {
        Self { control, places: Arc::new(Semaphore::new(PLACES)) }
    }

    /// Has work done elsewhere. Work that was begun is finished even when nobody waits any more.
    pub(crate) async fn ask(&self, work: impl FnOnce() -> Reply + Send + 'static) -> Response {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Error::internal(Kind::Overloaded).into_response();
        };
        let work = self.control.spawn_blocking(move || {
            let reply = work();
            drop(place);
            reply
        });
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(Ok(reply)) => reply.into_response(),
            Ok(Err(failed)) => {
                tracing::error!(error = %telemetry::chain(&failed), "an API request failed");
                Error::internal(Kind::Internal).into_response()
            }
            Err(_late) => Error::internal(Kind::Overloaded).into_response(),
        }
    }
}

// === impl Reply ===

impl Reply {
    pub(crate) fn json(value: &impl serde::Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(mut body) => {
                body.push(b'\n');
                Self { status: StatusCode::OK, content_type: JSON, body: body.into(), next_page: None }
            }
            Err(error) => Self::error(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }

    /// `{"message": …}`.
    pub(crate) fn error(status: StatusCode, message: &str) -> Self {
        let mut body = serde_json::json!({ "message": message }).to_string();
        body.push('\n');
        Self { status, content_type: JSON, body: body.into(), next_page: None }
    }

    pub(crate) fn into_response(self) -> Response {
        let mut res = Response::new(self.status, Body::from(self.body));
        res.headers_mut().insert(CONTENT_TYPE, self.content_type);
        if let Some(page) = self.next_page {
            res.headers_mut().insert(NEXT_PAGE, HeaderValue::from(page));
        }
        res
    }
}
