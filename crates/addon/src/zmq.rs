//! Exports: ZeroMQ sockets, "nodes". And what the loop does with a peer of one. Messages cross as
//! runs of bytes with a head of words each: `[number of parts, length of each part]`.

use std::ptr::null_mut;

use napi_sys as sys;
use rpyc_zmtp::{
    Beats, Config, Hwm, Limits, Message, Options, PeerId, SendError, Socket, SocketType, ZmtpError,
    MAX_IDENTITY,
};

use crate::call::Call;
use crate::codes::ctl;
use crate::endpoint::{Endpoint, Link};
use crate::engine::Engine;
use crate::error::{Fault, Result};
use crate::node::Node;
use crate::peer::{News, Peer};

const MISUSE: &str = "ERR_ZMTP_MISUSE";

/// What a ROUTER keeps for one peer that does not read, beyond which it is cut off.
const ANSWERS: Hwm = Hwm {
    messages: 100_000,
    bytes: 64 << 20,
};

/// `zmqSocket(type, identity, maxMessage, messages, bytes, heartbeat, timeout, handshake)`
pub fn socket(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let kind = call.text(0)?;
    let kind = SocketType::from_name(kind.as_bytes())
        .filter(|kind| !matches!(kind, SocketType::Xpub | SocketType::Xsub | SocketType::Pair))
        .ok_or_else(|| Fault::argument(format!("no socket type of ours: {kind}")))?;
    let identity = call.bytes(1)?.to_vec();
    if identity.len() > MAX_IDENTITY || identity.first() == Some(&0) {
        let text = format!("an identity has at most {MAX_IDENTITY} bytes, the first other than 0");
        return Err(Fault::argument(text));
    }
    let size = |index, max: f64| call.number(index, 0.0, max).map(|number| number as usize);
    let max_message = size(2, f64::INFINITY)?;
    let hwm = Hwm {
        messages: size(3, f64::INFINITY)?.max(1),
        bytes: size(4, f64::INFINITY)?,
    };
    let config = Config {
        identity,
        limits: Limits {
            max_frame: max_message,
            max_message,
            ..Limits::default()
        },
        ..Config::new(kind)
    };
    let options = Options {
        send: if kind == SocketType::Router {
            ANSWERS
        } else {
            hwm
        },
        receive: hwm,
        seed: seed(),
        ..Options::default()
    };
    let beats = Beats {
        interval: size(5, 1e9)? as u64,
        timeout: size(6, 1e9)? as u64,
    };
    let node = Node::new(
        Socket::new(kind, options),
        config,
        beats,
        size(7, 1e9)? as u64,
    );
    engine
        .nodes
        .insert(|_| node)
        .map(|handle| call.env.int(handle))
        .ok_or_else(|| Fault::Coded("EMFILE", "too many open sockets".into()))
}

/// `zmqAttach(node)`: a peer that we will connect to; messages wait for it.
pub fn attach(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let peer = node(engine, call)?.attach(true);
    Ok(call.env.int(peer.0 as i32))
}

/// `zmqOpen(node, handle, peer)`: a connected socket is that peer's from here on; -1: a new peer's.
pub fn open(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (owner, handle, id) = (call.int(0)?, call.int(1)?, call.int(2)?);
    let Engine {
        endpoints, nodes, ..
    } = &mut *engine;
    let node = nodes.get(owner).ok_or_else(|| Fault::bad_handle(owner))?;
    let endpoint = endpoints
        .get(handle)
        .filter(|endpoint| endpoint.socket().is_some() && endpoint.is_unused())
        .ok_or_else(|| Fault::wrong_kind(handle, "a connected socket that was not opened yet"))?;
    let id = match id {
        -1 => node.attach(false),
        id => PeerId(id as u32),
    };
    let link = node
        .links
        .get_mut(&id)
        .filter(|link| link.handle.is_none())
        .ok_or_else(|| Fault::argument(format!("no peer {} without a connection", id.0)))?;
    link.handle = Some(handle);
    endpoint.answers = node.answers();
    endpoint.peer = Some(Box::new(Peer::new(owner, id, node).map_err(refused)?));
    push(engine, handle);
    Ok(call.env.int(id.0 as i32))
}

/// `zmqDetach(node, peer)`: it is given up, and what waits for it.
pub fn detach(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let id = PeerId(call.int(1)? as u32);
    let node = node(engine, call)?;
    let handle = node.links.get(&id).and_then(|link| link.handle);
    node.detach(id);
    close_all(engine, call, handle);
    Ok(null_mut())
}

/// `zmqClose(node)`
pub fn close(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    if let Some(node) = engine.nodes.remove(call.int(0)?) {
        let handles = node.links.into_values().filter_map(|link| link.handle);
        close_all(engine, call, handles);
    }
    Ok(null_mut())
}

fn close_all(engine: &mut Engine, call: &Call, handles: impl IntoIterator<Item = i32>) {
    for handle in handles {
        if let Some(endpoint) = engine.endpoints.remove(handle) {
            endpoint.close(call.env);
        }
    }
}

/// `zmqSend(node, words, bytes, count)`: how many of the messages were taken, from the first on. The
/// rest would block. `ctl[DETAIL]` is the same number, also where it throws for the next.
pub fn send(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let owner = call.int(0)?;
    let (words, room) = call.elements::<i32>(1)?;
    // SAFETY: the view is alive during this call, on whose only thread nobody writes to it.
    let mut words = unsafe { slice(words, room) };
    let mut bytes = call.bytes(2)?;
    let mut to = Vec::new();
    let (mut taken, mut result) = (0, Ok(()));
    for _ in 0..call.int_within(3, 0..=i32::MAX)? {
        match give(engine, owner, &mut words, &mut bytes, &mut to) {
            Ok(true) => taken += 1,
            Ok(false) => break,
            Err(fault) => {
                result = Err(fault);
                break;
            }
        }
    }
    write_to(engine, owner, &mut to);
    engine.set_ctl(ctl::DETAIL, taken);
    result.map(|()| call.env.int(taken))
}

/// Gives the socket the next message. False: it would block.
fn give(
    engine: &mut Engine,
    owner: i32,
    words: &mut &[i32],
    bytes: &mut &[u8],
    to: &mut Vec<PeerId>,
) -> Result<bool> {
    let parts =
        split(words, bytes).ok_or_else(|| Fault::argument("words that do not fit the bytes"))?;
    let node = engine
        .nodes
        .get(owner)
        .ok_or_else(|| Fault::bad_handle(owner))?;
    let message = Message::new(parts, &node.config.limits).map_err(refused)?;
    let message = match node.socket.send(message, to) {
        Ok(()) => return Ok(true),
        Err(SendError::Misuse(what)) => return Err(Fault::Coded(MISUSE, what.into())),
        Err(SendError::WouldBlock(message)) => message,
    };
    if node.answers() {
        // Others are not to wait for it, and an answer is not to be lost without a word.
        let handle = node
            .addressee(&message)
            .and_then(|id| node.links.get(&id)?.handle);
        if let Some(handle) = handle {
            doom(engine, handle, "the peer does not read what it is sent");
        }
        return Ok(true);
    }
    // Perhaps the kernel takes some of what was given just now.
    write_to(engine, owner, to);
    let node = engine
        .nodes
        .get(owner)
        .ok_or_else(|| Fault::bad_handle(owner))?;
    match node.socket.send(message, to) {
        Ok(()) => Ok(true),
        Err(SendError::WouldBlock(_)) => Ok(false),
        Err(SendError::Misuse(what)) => Err(Fault::Coded(MISUSE, what.into())),
    }
}

/// The parts of the next message; the words and bytes behind it stay.
fn split<'a>(words: &mut &[i32], bytes: &mut &'a [u8]) -> Option<Vec<&'a [u8]>> {
    let (count, rest) = words.split_first()?;
    let (lens, rest) = rest.split_at_checked(usize::try_from(*count).ok()?)?;
    *words = rest;
    lens.iter()
        .map(|len| {
            let (part, rest) = bytes.split_at_checked(usize::try_from(*len).ok()?)?;
            *bytes = rest;
            Some(part)
        })
        .collect()
}

/// Writes to those peers, each once.
fn write_to(engine: &mut Engine, owner: i32, to: &mut Vec<PeerId>) {
    to.sort_unstable();
    to.dedup();
    for id in to.drain(..) {
        let handle = engine
            .nodes
            .get(owner)
            .and_then(|node| node.links.get(&id)?.handle);
        if let Some(handle) = handle {
            push(engine, handle);
        }
    }
}

/// Writes what waits for one peer. Whoever sends finds out by itself that there is room.
fn push(engine: &mut Engine, handle: i32) {
    let Engine {
        endpoints, nodes, ..
    } = &mut *engine;
    let Some(endpoint) = endpoints.get(handle) else {
        return;
    };
    if let (Link::Socket(socket), Some(peer)) = (&endpoint.link, &mut endpoint.peer) {
        if let Some(node) = nodes.get(peer.node) {
            peer.write(socket, node, &mut News::default());
        }
    }
    endpoint.rearm();
}

/// `zmqReceive(node, words, bytes)`: number of messages. Where it is 0, `ctl[DETAIL]` is what the
/// next one needs; 0: there is none.
pub fn receive(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (words, words_room) = call.elements::<i32>(1)?;
    let (bytes, bytes_room) = call.elements::<u8>(2)?;
    // SAFETY: the two views are alive during this call, on whose only thread nobody else touches them.
    let (words, bytes) = unsafe { (slice_mut(words, words_room), slice_mut(bytes, bytes_room)) };
    let node = node(engine, call)?;
    let (mut count, mut word, mut byte, mut needed) = (0, 0, 0, 0);
    let mut resumed = Vec::new();
    while let Some(received) = node.receive() {
        let parts = received.message.parts();
        let (number, size) = parts.clone().fold((0, 0), |(number, size), part| {
            (number + 1, size + part.len())
        });
        if word + 1 + number > words.len() || byte + size > bytes.len() {
            needed = size;
            node.put_back(received);
            break;
        }
        words[word] = number as i32;
        for (at, part) in parts.enumerate() {
            words[word + 1 + at] = part.len() as i32;
            bytes[byte..byte + part.len()].copy_from_slice(part);
            byte += part.len();
        }
        word += 1 + number;
        count += 1;
        if received.resume {
            resumed.extend(received.peer.and_then(|id| node.links.get(&id)?.handle));
        }
    }
    for handle in resumed {
        if let Some(peer) = engine.endpoint(handle)?.peer.as_mut() {
            peer.paused = false;
        }
        engine.kick(handle);
    }
    let needed = if count == 0 { needed } else { 0 };
    engine.set_ctl(ctl::DETAIL, i32::try_from(needed).unwrap_or(i32::MAX));
    Ok(call.env.int(count))
}

/// `zmqSubscribe(node, topic, on)`
pub fn subscribe(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (topic, on) = (call.bytes(1)?, call.boolean(2)?);
    let node = node(engine, call)?;
    if topic.len() > node.config.limits.max_command - 16 {
        return Err(Fault::argument(format!(
            "a topic of {} bytes is too long",
            topic.len()
        )));
    }
    let news = match on {
        true => node.socket.want(topic),
        false => node.socket.unwant(topic),
    };
    if !news {
        return Ok(null_mut());
    }
    let handles: Vec<i32> = node.links.values().filter_map(|link| link.handle).collect();
    for handle in handles {
        if let Some(peer) = engine.endpoint(handle)?.peer.as_mut() {
            peer.subscribe(topic, on).map_err(refused)?;
        }
        push(engine, handle);
    }
    Ok(null_mut())
}

/// `zmqTick(node)`: heartbeats and time limits.
pub fn tick(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let owner = call.int(0)?;
    let node = node(engine, call)?;
    let handles: Vec<i32> = node.links.values().filter_map(|link| link.handle).collect();
    for handle in handles {
        let Engine {
            endpoints, nodes, ..
        } = &mut *engine;
        let (Some(node), Some(endpoint)) = (nodes.get(owner), endpoints.get(handle)) else {
            continue;
        };
        let ended = endpoint.peer.as_mut().is_some_and(|peer| {
            peer.tick(node);
            peer.end.is_some()
        });
        push(engine, handle);
        if ended {
            engine.kick(handle);
        }
    }
    Ok(null_mut())
}

/// `zmqStats(node, out)`
pub fn stats(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (out, room) = call.elements::<f64>(1)?;
    // SAFETY: the view is alive during this call, on whose only thread nobody else touches it.
    let out = unsafe { slice_mut(out, room) };
    let owner = call.int(0)?;
    let Engine {
        endpoints, nodes, ..
    } = &mut *engine;
    let node = nodes.get(owner).ok_or_else(|| Fault::bad_handle(owner))?;
    let (mut ready, mut unwritten) = (0, 0);
    for handle in node.links.values().filter_map(|link| link.handle) {
        if let Some(peer) = endpoints
            .get(handle)
            .and_then(|endpoint| endpoint.peer.as_ref())
        {
            ready += usize::from(peer.is_ready());
            unwritten += peer.queue.len();
        }
    }
    let figures = [node.links.len(), ready, node.socket.unsent(), unwritten];
    let figures = figures.map(|figure| figure as f64);
    let dropped = [node.socket.dropped() as f64];
    for (to, figure) in out.iter_mut().zip(figures.into_iter().chain(dropped)) {
        *to = figure;
    }
    Ok(null_mut())
}

/// `zmqReason(node)`
pub fn reason(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let reason = std::mem::take(&mut node(engine, call)?.reason);
    Ok(call.env.text(&reason))
}

/// What the loop found at a peer's endpoint: the node, the peer, what is new, and whether it is lost.
pub struct Found {
    pub node: i32,
    pub peer: i32,
    pub news: News,
    pub lost: bool,
}

/// Reads from a peer, and writes to it. An ended connection is closed here.
pub fn progress(engine: &mut Engine, handle: i32) -> Option<Found> {
    let Engine {
        endpoints,
        nodes,
        scratch,
        env,
        ..
    } = &mut *engine;
    let endpoint = endpoints.get(handle)?;
    let Endpoint {
        link: Link::Socket(socket),
        peer: Some(peer),
        ..
    } = endpoint
    else {
        return None;
    };
    let (owner, id) = (peer.node, peer.id);
    let node = nodes.get(owner)?;
    let mut news = News::default();
    peer.read(socket, node, scratch, &mut news);
    peer.write(socket, node, &mut news);
    let end = peer.end.take();
    endpoint.rearm();
    let lost = end.is_some();
    if let Some(why) = end {
        node.disconnected(id, why);
        // A REP may owe nothing now, a REQ may ask again.
        news.sendable = true;
        if let Some(endpoint) = endpoints.remove(handle) {
            endpoint.close(*env);
        }
    }
    Some(Found {
        node: owner,
        peer: id.0 as i32,
        news,
        lost,
    })
}

/// Ends a peer's connection in the loop's next turn.
fn doom(engine: &mut Engine, handle: i32, why: &str) {
    let endpoint = engine.endpoints.get(handle);
    if let Some(peer) = endpoint.and_then(|endpoint| endpoint.peer.as_mut()) {
        peer.finish(why);
        engine.kick(handle);
    }
}

fn node<'e>(engine: &'e mut Engine, call: &Call) -> Result<&'e mut Node> {
    let handle = call.int(0)?;
    engine
        .nodes
        .get(handle)
        .ok_or_else(|| Fault::bad_handle(handle))
}

fn refused(error: ZmtpError) -> Fault {
    Fault::Coded(MISUSE, error.to_string())
}

/// Where generated identities begin: another number in each process.
fn seed() -> u32 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish() as u32
}

/// # Safety
/// As `std::slice::from_raw_parts`, but that `data` may be null where `len` is 0.
unsafe fn slice<'a, T>(data: *const T, len: usize) -> &'a [T] {
    match len {
        0 => &[],
        // SAFETY: the caller's.
        _ => unsafe { std::slice::from_raw_parts(data, len) },
    }
}

/// # Safety
/// As `std::slice::from_raw_parts_mut`, but that `data` may be null where `len` is 0.
unsafe fn slice_mut<'a, T>(data: *mut T, len: usize) -> &'a mut [T] {
    match len {
        0 => &mut [],
        // SAFETY: the caller's.
        _ => unsafe { std::slice::from_raw_parts_mut(data, len) },
    }
}
