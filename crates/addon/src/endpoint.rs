//! One handle of JavaScript: a connected socket, a connect under way, a listener or a push
//! endpoint. Owns the descriptor, its readiness in the loop and, once opened, the connection.
//! Dropping it closes all of them in the right order.

use std::ffi::c_int;
use std::os::fd::{AsRawFd, RawFd};

use rpyc_net::{Address, Connecting, Listener, Socket};
use rpyc_wire::{Names, WireError, Zlib};

use crate::connection::{Connection, End};
use crate::env::Env;
use crate::error::{Fault, Result};
use crate::peer::Peer;
use crate::uv::{Loop, Poll, DISCONNECT, READABLE, WRITABLE};

pub enum Link {
    Socket(Socket),
    Connecting(Connecting),
    Listener(Listener),
    /// No descriptor: bytes come by `feed`, go by `takeOutput`.
    Push,
}

pub struct Endpoint {
    /// Before `link`: libuv must let go of the descriptors before they are closed.
    poll: Option<Poll>,
    /// Where output goes to a descriptor of its own, while it waits for that.
    output_poll: Option<Poll>,
    pub link: Link,
    pub connection: Option<Connection>,
    /// In the place of a connection: a peer of a ZeroMQ socket.
    pub peer: Option<Box<Peer>>,
    /// That socket is a ROUTER.
    pub answers: bool,
    pub watched: bool,
    /// Watched before, and not now: JavaScript wants no messages, but must learn of the end.
    pub paused: bool,
    /// Before there is a connection: the readiness that JavaScript waits for, told once.
    pub awaited: c_int,
    referenced: bool,
    id: i32,
    uv: Loop,
}

impl Endpoint {
    pub fn new(uv: Loop, id: i32, link: Link) -> Self {
        Self {
            poll: None,
            output_poll: None,
            link,
            connection: None,
            peer: None,
            answers: false,
            watched: false,
            paused: false,
            awaited: 0,
            referenced: true,
            id,
            uv,
        }
    }

    pub fn fd(&self) -> Option<RawFd> {
        match &self.link {
            Link::Socket(socket) => Some(socket.as_raw_fd()),
            Link::Connecting(connecting) => Some(connecting.as_raw_fd()),
            Link::Listener(listener) => Some(listener.as_raw_fd()),
            Link::Push => None,
        }
    }

    /// Where output can be waited for, if there is some.
    pub fn output_fd(&self) -> Option<RawFd> {
        let wanted = self
            .connection
            .as_ref()
            .is_some_and(|connection| connection.wants_output());
        let socket = self.socket()?;
        if !wanted && !socket.is_stuck() && !socket.has_unsent() {
            return None;
        }
        socket.output_fd().or_else(|| Some(socket.as_raw_fd()))
    }

    pub fn socket(&self) -> Option<&Socket> {
        match &self.link {
            Link::Socket(socket) => Some(socket),
            _ => None,
        }
    }

    /// The socket, if it has no connection yet.
    pub fn unopened(&mut self) -> Option<&mut Socket> {
        let unused = self.is_unused();
        match &mut self.link {
            Link::Socket(socket) if unused => Some(socket),
            _ => None,
        }
    }

    /// Is what it is for still to be said?
    pub fn is_unused(&self) -> bool {
        self.connection.is_none() && self.peer.is_none()
    }

    pub fn listening(&self) -> Option<&Address> {
        match &self.link {
            Link::Listener(listener) => Some(listener.address()),
            _ => None,
        }
    }

    /// Tells the loop which readiness matters now. This or `rearm` is to be called after every
    /// change of what `interest` reads.
    pub fn arm(&mut self) -> Result<()> {
        self.set_poll().map_err(|errno| Fault::System {
            errno,
            syscall: "uv_poll",
            target: None,
        })
    }

    /// `arm` where nobody needs to be told of a failure: a descriptor that the loop refuses now was
    /// taken before, so reading or writing tells what is wrong with it.
    pub fn rearm(&mut self) {
        let _ = self.set_poll();
    }

    fn set_poll(&mut self) -> std::result::Result<(), c_int> {
        self.set_output_poll()?;
        let (events, Some(fd)) = (self.interest(), self.fd()) else {
            return Ok(());
        };
        if self.poll.is_none() {
            if events == 0 {
                return Ok(());
            }
            let poll = Poll::new(&self.uv, fd, self.id)?;
            poll.set_ref(self.referenced);
            self.poll = Some(poll);
        }
        match &mut self.poll {
            Some(poll) => poll.set(events),
            None => Ok(()),
        }
    }

    fn set_output_poll(&mut self) -> std::result::Result<(), c_int> {
        let (Link::Socket(socket), Some(connection)) = (&self.link, &self.connection) else {
            return Ok(());
        };
        let Some(fd) = socket.output_fd().filter(|_| connection.wants_output()) else {
            self.output_poll = None;
            return Ok(());
        };
        if self.output_poll.is_none() {
            let poll = Poll::new(&self.uv, fd, self.id)?;
            poll.set_ref(self.referenced);
            self.output_poll = Some(poll);
        }
        self.output_poll
            .as_mut()
            .map_or(Ok(()), |poll| poll.set(WRITABLE))
    }

    fn interest(&self) -> c_int {
        let when = |on, event| if on { event } else { 0 };
        match (&self.link, &self.connection) {
            (Link::Listener(_), _) => when(self.watched, READABLE),
            (Link::Connecting(_), _) => when(self.watched, WRITABLE),
            (Link::Socket(socket), Some(connection)) => {
                let reads = self.watched && connection.wants_input();
                let stuck = socket.is_stuck();
                let writes = connection.wants_output() || socket.has_unsent();
                when(reads && !stuck, READABLE)
                    | when(self.paused && connection.end.is_none(), DISCONNECT)
                    | when(!socket.is_pipes() && writes || reads && stuck, WRITABLE)
            }
            (Link::Socket(_), None) => match &self.peer {
                Some(peer) => {
                    when(peer.wants_input(self.answers), READABLE)
                        | when(peer.wants_output(), WRITABLE)
                }
                None => self.awaited,
            },
            (Link::Push, _) => 0,
        }
    }

    /// Is there input that no readiness of the descriptor tells of, and that the loop may read?
    pub fn has_unread(&self) -> bool {
        match (&self.link, &self.connection) {
            (Link::Socket(socket), Some(connection)) => {
                self.watched && socket.has_pending() && connection.wants_input()
            }
            _ => false,
        }
    }

    /// The peer of a paused connection is gone: what it had sent has nobody left to answer to. True:
    /// to be told.
    pub fn disconnected(&mut self) -> bool {
        let paused = self.paused;
        self.connection.as_mut().is_some_and(|connection| {
            let news = paused && connection.end.is_none();
            if news {
                connection.end = Some(End::Eof);
                connection.end_told = true;
            }
            news
        })
    }

    /// The loop told of an error (a reset, a refused connect) and stopped watching.
    pub fn poll_failed(&mut self) {
        for poll in [&mut self.poll, &mut self.output_poll]
            .into_iter()
            .flatten()
        {
            poll.was_stopped();
        }
    }

    pub fn set_ref(&mut self, on: bool) {
        self.referenced = on;
        for poll in [&self.poll, &self.output_poll].into_iter().flatten() {
            poll.set_ref(on);
        }
    }

    /// A finished connect becomes a socket; other links stay.
    pub fn connected(&mut self) {
        self.link = match std::mem::replace(&mut self.link, Link::Push) {
            Link::Connecting(connecting) => Link::Socket(connecting.into_socket()),
            other => other,
        };
    }

    /// One write of what is queued, if anything is. Failures are kept in the connection: reading
    /// goes on until it ends, too.
    pub fn flush(&mut self) {
        if let (Link::Socket(socket), Some(connection)) = (&mut self.link, &mut self.connection) {
            if connection.is_shutting() {
                // The end of our output closes its descriptor.
                self.output_poll = None;
            }
            connection.flush(socket);
        }
    }

    /// Sends what was kept until it was known what the peer speaks, if it is known now.
    #[inline]
    pub fn release_held(
        &mut self,
        names: &Names,
        zlib: &mut Zlib,
    ) -> std::result::Result<(), WireError> {
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        if !connection.can_release() {
            return Ok(());
        }
        let sent = connection.send_held(names, zlib);
        self.flush();
        self.rearm();
        sent
    }

    /// The last non-blocking write, then the end of everything it owns.
    pub fn close(mut self, env: Env) {
        self.flush();
        if let (Link::Socket(socket), Some(peer)) = (&self.link, &mut self.peer) {
            // What is left says why (ERROR), or is lost.
            let _ = peer.queue.flush(socket);
        }
        if let Some(connection) = &mut self.connection {
            connection.holders.clear(env);
        }
    }
}
