//! The requests of a connection.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Buf as _;
use futures::future::BoxFuture;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::Instant;
use tower::Service;

use super::{Connection, PACE};

/// A service whose connection knows which requests of it are under way.
#[derive(Clone)]
pub struct Tracked<S> {
    service: S,
    connection: Arc<Connection>,
}

impl<S> Tracked<S> {
    pub(super) fn new(service: S, connection: Arc<Connection>) -> Self {
        Self { service, connection }
    }
}

impl<S, B> Service<Request<B>> for Tracked<S>
where
    S: Service<Request<TrackedBody<B>>>,
    S::Future: Send + 'static,
    B: Body,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let under_way = Arc::new(UnderWay::begin(self.connection.clone()));
        let answer = self.service.call(request.map(|body| TrackedBody::new(body, under_way.clone())));
        Box::pin(async move {
            let answer = answer.await;
            under_way.end();
            answer
        })
    }
}

/// A request: until its answer begins, or its connection gives it up.
struct UnderWay {
    connection: Arc<Connection>,
    stage: Mutex<Stage>,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Coming,
    Whole,
    Ended,
}

impl UnderWay {
    fn begin(connection: Arc<Connection>) -> Self {
        let mut state = connection.state.lock();
        state.requests += 1;
        state.body_due = Instant::now() + connection.patience.idle;
        drop(state);
        Self { connection, stage: Mutex::new(Stage::Coming) }
    }

    fn comes(&self, bytes: usize) {
        let time = Duration::from_secs_f64(bytes as f64 / f64::from(PACE));
        self.connection.state.lock().body_due += time;
    }

    fn has_come(&self) {
        let mut stage = self.stage.lock();
        if *stage == Stage::Coming {
            *stage = Stage::Whole;
            self.connection.state.lock().working += 1;
        }
    }

    fn end(&self) {
        let mut stage = self.stage.lock();
        if *stage == Stage::Ended {
            return;
        }
        let mut state = self.connection.state.lock();
        state.requests -= 1;
        state.working -= usize::from(*stage == Stage::Whole);
        state.answered = Instant::now();
        *stage = Stage::Ended;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.end();
    }
}

/// The body of a request, which says when it has come whole.
pub struct TrackedBody<B> {
    body: B,
    under_way: Arc<UnderWay>,
}

impl<B: Body> TrackedBody<B> {
    fn new(body: B, under_way: Arc<UnderWay>) -> Self {
        if body.is_end_stream() {
            under_way.has_come();
        }
        Self { body, under_way }
    }
}

impl<B: Body + Unpin> Body for TrackedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.under_way.comes(data.remaining());
        }
        if frame.is_none() || self.body.is_end_stream() {
            self.under_way.has_come();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
