//! A connection, as both its ends see it.

use std::{
    collections::VecDeque,
    future::Future as _,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::{Buf as _, Bytes};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use super::Network;

/// How many bytes may be on their way in one direction.
const WINDOW: usize = 64 << 10;

/// One direction of a connection.
pub(super) struct Half {
    network: Network,
    pub(super) from: Arc<str>,
    pub(super) to: Arc<str>,
    state: Mutex<State>,
}

struct State {
    /// What is on its way, with when it arrives.
    packets: VecDeque<(Instant, Bytes)>,
    bytes: usize,
    /// Nothing is sent any more.
    ended: bool,
    /// Nothing is sent or read any more, and what was on its way is lost.
    reset: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Half {
    pub(super) fn new(network: Network, from: Arc<str>, to: Arc<str>) -> Arc<Self> {
        let state = State {
            packets: VecDeque::new(),
            bytes: 0,
            ended: false,
            reset: false,
            reader: None,
            writer: None,
        };
        Arc::new(Self { network, from, to, state: Mutex::new(state) })
    }

    pub(super) fn wake(&self) {
        self.change(|_| {});
    }

    pub(super) fn reset(&self) {
        self.change(|state| {
            state.packets.clear();
            state.reset = true;
        });
    }

    /// Changes the state, and lets both ends look at it.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        change(&mut state);
        let wakers = [state.reader.take(), state.writer.take()];
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    fn send(&self, context: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let at = Instant::now() + self.network.delay();
        let mut state = self.state.lock();
        if state.reset || state.ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let length = bytes.len().min(WINDOW - state.bytes);
        if length == 0 && !bytes.is_empty() {
            state.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        // Nothing overtakes what was sent before.
        let at = state.packets.back().map_or(at, |(before, _)| at.max(*before));
        state.packets.push_back((at, Bytes::copy_from_slice(&bytes[..length])));
        state.bytes += length;
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
        Poll::Ready(Ok(length))
    }

    fn receive(
        &self,
        context: &mut Context<'_>,
        timer: &mut Pin<Box<Sleep>>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let is_cut = self.network.is_cut(&self.from, &self.to);
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if state.reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        match state.packets.front_mut() {
            None if state.ended => return Poll::Ready(Ok(())),
            Some((at, packet)) if !is_cut => {
                timer.as_mut().reset(*at);
                if timer.as_mut().poll(context).is_ready() {
                    let length = packet.len().min(buffer.remaining());
                    buffer.put_slice(&packet[..length]);
                    self.network.trace.bytes(&packet[..length]);
                    packet.advance(length);
                    if packet.is_empty() {
                        state.packets.pop_front();
                    }
                    state.bytes -= length;
                    let writer = state.writer.take();
                    drop(guard);
                    if let Some(writer) = writer {
                        writer.wake();
                    }
                    return Poll::Ready(Ok(()));
                }
            }
            _ => {}
        }
        state.reader = Some(context.waker().clone());
        Poll::Pending
    }
}

/// One end of a connection; the connection is closed when it is dropped.
pub struct End {
    incoming: Arc<Half>,
    outgoing: Arc<Half>,
    timer: Pin<Box<Sleep>>,
}

impl End {
    pub(super) fn new(incoming: Arc<Half>, outgoing: Arc<Half>) -> Self {
        Self { incoming, outgoing, timer: Box::pin(sleep_until(Instant::now())) }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.outgoing.change(|state| state.ended = true);
        self.incoming.reset();
    }
}

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.incoming.receive(context, &mut this.timer, buffer)
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.outgoing.send(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outgoing.change(|state| state.ended = true);
        Poll::Ready(Ok(()))
    }
}
