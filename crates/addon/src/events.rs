//! Callbacks of the loop: what became ready, and telling JavaScript. The only place that calls into
//! JavaScript; after each such call everything is looked up again by handle, since user code may
//! have closed it, or ended the environment.

use std::ffi::{c_int, c_void};

use napi_sys as sys;
use rpyc_net::Socket;

use crate::codes::event::{
    ACCEPTED, BATCH, CONNECTED, DRAINED, READY, ZMQ_LOST, ZMQ_MESSAGES, ZMQ_PEER, ZMQ_SENDABLE,
};
use crate::codes::{ctl, status};
use crate::connection::Connection;
use crate::endpoint::{Endpoint, Link};
use crate::engine::Engine;
use crate::guard;
use crate::receive;
use crate::transmit;
use crate::uv::{self, Callbacks, DISCONNECT, READABLE, WRITABLE};
use crate::zmq;

/// What the loop calls for the handles of an engine.
pub static CALLBACKS: Callbacks = Callbacks {
    poll: on_poll,
    idle: on_idle,
    check: on_check,
};

/// Batches per readiness, and connections per turn: fairness between handles.
const MAX_BATCHES: usize = 16;
const MAX_ACCEPTS: usize = 64;

/// The owner of every handle of the loop.
type EnginePtr = *mut Engine;

/// uv_poll.
extern "C" fn on_poll(handle: *mut c_void, failed: c_int, events: c_int) {
    let (engine, id) = target(handle);
    in_scope(engine, || {
        if failed < 0 {
            with(engine, |engine| {
                engine.endpoints.get(id).map(Endpoint::poll_failed)
            });
            // What is wrong is for the system calls to tell in their own words.
            return ready(engine, id, READABLE | WRITABLE | DISCONNECT);
        }
        ready(engine, id, events);
    });
}

/// uv_idle: handles with a backlog.
extern "C" fn on_idle(handle: *mut c_void) {
    let (engine, _) = target(handle);
    in_scope(engine, || {
        let backlog = with(engine, Engine::take_backlog);
        for id in backlog {
            peer(engine, id);
            drained(engine, id);
            if with(engine, |engine| {
                engine
                    .endpoints
                    .get(id)
                    .is_some_and(|endpoint| endpoint.watched)
            }) {
                batches(engine, id);
            }
            rearm(engine, id);
        }
    });
}

/// uv_check: the loop turned, so listeners of signals have run.
extern "C" fn on_check(handle: *mut c_void) {
    let (engine, _) = target(handle);
    guard::silently(|| {
        with(engine, |engine| {
            if let Some(signals) = &mut engine.signals {
                signals.forget();
            }
        });
    });
}

/// The engine and the endpoint that a callback is for.
fn target(handle: *mut c_void) -> (EnginePtr, i32) {
    let uv::Target { owner, id } = uv::target(handle);
    (owner.cast(), id)
}

fn in_scope(engine: EnginePtr, body: impl FnOnce()) {
    let env = with(engine, |engine| engine.env);
    guard::silently(|| env.scope(body));
}

/// Borrows the engine for as long as `body` runs, which makes no call into JavaScript.
#[inline]
fn with<T>(engine: EnginePtr, body: impl FnOnce(&mut Engine) -> T) -> T {
    // SAFETY: `Engine::install` makes the engine itself the owner of its handles, and they are
    // closed before it is freed; one thread, and no other borrow is held by a frame below us, since
    // none survives a call into JavaScript and callbacks of the loop do not nest otherwise.
    body(unsafe { &mut *engine })
}

/// What the link of a handle is, as far as readiness goes.
enum Kind {
    Gone,
    /// A socket without a connection.
    Raw,
    Socket,
    /// A peer of a ZeroMQ socket.
    Peer,
    Connecting,
    Listener,
}

fn ready(engine: EnginePtr, id: i32, events: c_int) {
    let kind = with(engine, |engine| {
        let Some(endpoint) = engine.endpoints.get(id) else {
            return Kind::Gone;
        };
        match &endpoint.link {
            Link::Push => Kind::Gone,
            Link::Socket(_) if endpoint.connection.is_some() => Kind::Socket,
            Link::Socket(_) if endpoint.peer.is_some() => Kind::Peer,
            Link::Socket(_) => Kind::Raw,
            Link::Connecting(_) => Kind::Connecting,
            Link::Listener(_) => Kind::Listener,
        }
    });
    match kind {
        Kind::Gone => return,
        Kind::Raw => awaited(engine, id),
        Kind::Peer => peer(engine, id),
        Kind::Connecting => connected(engine, id),
        Kind::Listener => accepted(engine, id),
        Kind::Socket => {
            if events & WRITABLE != 0 {
                let is_stuck = with(engine, |engine| {
                    engine.endpoints.get(id).is_some_and(|endpoint| {
                        endpoint.flush();
                        endpoint.socket().is_some_and(Socket::is_stuck)
                    })
                });
                // What was left undecoded while the queue was too full makes no descriptor readable.
                if (drained(engine, id) || is_stuck) && events & READABLE == 0 {
                    batches(engine, id);
                }
            }
            if events & READABLE != 0 {
                batches(engine, id);
            }
            if events & DISCONNECT != 0 {
                disconnected(engine, id);
            }
        }
    }
    rearm(engine, id);
}

fn rearm(engine: EnginePtr, id: i32) {
    with(engine, |engine| {
        if let Some(endpoint) = engine.endpoints.get(id) {
            endpoint.rearm();
            if endpoint.has_unread() {
                engine.kick(id);
            }
        }
    });
}

/// A socket without a connection is ready for what JavaScript waits for.
fn awaited(engine: EnginePtr, id: i32) {
    let events = with(engine, |engine| {
        engine.endpoints.get(id).map_or(0, |endpoint| {
            let awaited = std::mem::take(&mut endpoint.awaited);
            endpoint.rearm();
            awaited
        })
    });
    if events != 0 {
        emit(engine, id, READY, events);
    }
}

fn connected(engine: EnginePtr, id: i32) {
    let ended = with(engine, |engine| {
        let endpoint = engine.endpoints.get(id)?;
        let Link::Connecting(connecting) = &endpoint.link else {
            return None;
        };
        match connecting.ended() {
            Ok(false) => None,
            Ok(true) => {
                endpoint.connected();
                endpoint.rearm();
                Some(0)
            }
            Err(error) => {
                endpoint.watched = false;
                endpoint.rearm();
                Some(error.raw_os_error().unwrap_or(libc::EIO))
            }
        }
    });
    if let Some(errno) = ended {
        emit(engine, id, CONNECTED, errno);
    }
}

/// Goes on with a peer of a ZeroMQ socket, if it is one, and tells what came of it.
fn peer(engine: EnginePtr, id: i32) {
    let Some(found) = with(engine, |engine| zmq::progress(engine, id)) else {
        return;
    };
    let told = [
        (found.news.ready, ZMQ_PEER),
        (found.news.messages, ZMQ_MESSAGES),
        (found.lost, ZMQ_LOST),
        (found.news.sendable, ZMQ_SENDABLE),
    ];
    for (_, event) in told.into_iter().filter(|(is, _)| *is) {
        if !emit(engine, found.node, event, found.peer) {
            return;
        }
    }
}

fn disconnected(engine: EnginePtr, id: i32) {
    let news = with(engine, |engine| {
        engine.endpoints.get(id).is_some_and(Endpoint::disconnected)
    });
    if news {
        emit(engine, id, BATCH, status::EOF);
    }
}

fn accepted(engine: EnginePtr, id: i32) {
    for _ in 0..MAX_ACCEPTS {
        let next = with(engine, |engine| match engine.endpoints.get(id) {
            Some(endpoint) if endpoint.watched => match &mut endpoint.link {
                Link::Listener(listener) => listener.accept().transpose(),
                _ => None,
            },
            _ => None,
        });
        match next {
            None => return,
            Some(Ok(fd)) => {
                if !emit(engine, id, ACCEPTED, fd) {
                    return;
                }
            }
            Some(Err(error)) => {
                emit(
                    engine,
                    id,
                    ACCEPTED,
                    -error.raw_os_error().unwrap_or(libc::EIO),
                );
                return;
            }
        }
    }
}

/// Tells that the queue has room again, once. True: it was told.
fn drained(engine: EnginePtr, id: i32) -> bool {
    let drained = with(engine, |engine| {
        let connection = engine.find(id)?;
        connection
            .queue
            .drained()
            .then(|| connection.queue.len() as i32)
    });
    drained.is_some_and(|queued| emit(engine, id, DRAINED, queued))
}

/// Reads and delivers until nothing is there, or it is others' turn. A peer that does not read its
/// answers gets no further ones: `drained` goes on with it.
fn batches(engine: EnginePtr, id: i32) {
    for _ in 0..MAX_BATCHES {
        if with(engine, |engine| is(engine, id, Connection::is_too_slow)) {
            return;
        }
        let code = with(engine, |engine| match engine.endpoints.get(id) {
            Some(endpoint) if endpoint.watched => receive::for_loop(engine, id),
            _ => 0,
        });
        if code == 0 || !emit(engine, id, BATCH, code) {
            return;
        }
        if code < 0 && code != status::BIG {
            return;
        }
        // A peer that waits for one answer has sent nothing more yet: the loop will tell.
        if code == 1 && !with(engine, |engine| is(engine, id, Connection::has_more)) {
            return;
        }
    }
    // Decoded or not, what we hold already makes no descriptor readable.
    with(engine, |engine| {
        if is(engine, id, |connection| {
            connection.has_more() && !connection.is_too_slow()
        }) {
            engine.kick(id);
        }
    });
}

/// Is it open, and does `what` hold?
#[inline]
fn is(engine: &mut Engine, id: i32, what: impl FnOnce(&Connection) -> bool) -> bool {
    engine.find(id).is_some_and(|connection| what(connection))
}

/// Calls `onEvent`, lets microtasks run, and writes what JavaScript left on the transmit tape.
/// False: the environment is going down.
fn emit(engine: EnginePtr, id: i32, event: i32, arg: i32) -> bool {
    let Some((env, context, on_event, receiver)) = with(engine, |engine| {
        engine.check_collected();
        engine.set_ctl(ctl::IN_LOOP, 1);
        let env = engine.env;
        engine.live.as_ref().map(|live| {
            (
                env,
                live.context,
                env.get(live.on_event),
                env.get(live.receiver),
            )
        })
    }) else {
        return false;
    };
    let arguments = [env.int(id), env.int(event), env.int(arg)];
    // SAFETY: a live environment on its own thread, values of the scope that `in_scope` opened; no
    // borrow of the engine is held.
    let called = unsafe {
        let (count, at) = (arguments.len(), arguments.as_ptr());
        sys::napi_make_callback(
            env.0,
            context,
            receiver,
            on_event,
            count,
            at,
            std::ptr::null_mut(),
        )
    };
    if called != sys::Status::napi_ok {
        if let Some(exception) = env.take_exception() {
            if !env.can_run() {
                return false;
            }
            env.uncaught(exception);
        }
    }
    let flushed = with(engine, |engine| {
        let flushed = transmit::flush_tape(engine, &[]);
        engine.set_ctl(ctl::IN_LOOP, 0);
        flushed
    });
    if let Err(fault) = flushed {
        let error = fault.into_js(env);
        if !error.is_null() {
            env.uncaught(error);
        }
    }
    with(engine, |engine| engine.live.is_some())
}
