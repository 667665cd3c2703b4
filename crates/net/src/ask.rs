//! One question and its answer, blocking: a datagram each way, or a stream that the other side ends. For services that are no RPyC peers:
//! the registry. Owns the datagram socket; a stream's is the caller's.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use crate::address::Address;
use crate::raw::{Read, Reading};
use crate::signals::Signals;
use crate::socket::Socket;
use crate::wait::{wait_ready, Wait};

/// Longest answer, as long as a datagram can be. Of a longer one the rest is left.
const LONGEST: usize = 65_536;

/// A question that was sent.
#[derive(Debug)]
pub struct Question<'s> {
    way: Way<'s>,
    answer: Vec<u8>,
}

#[derive(Debug)]
enum Way<'s> {
    /// The port: answers from another are not ours.
    Datagram(UdpSocket, u16),
    Stream(&'s Socket),
}

impl Question<'_> {
    /// Sends a datagram to a numeric address.
    pub fn datagram(address: &str, port: u16, broadcast: bool, message: &[u8]) -> io::Result<Self> {
        let Address::Ip(to) = Address::numeric(address, port)? else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let any: SocketAddr = match to {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any)?;
        socket.set_nonblocking(true)?;
        if broadcast {
            socket.set_broadcast(true)?;
        }
        socket.send_to(message, to)?;
        Ok(Self {
            way: Way::Datagram(socket, port),
            answer: Vec::new(),
        })
    }

    /// Waits for the answer, one slice and `timeout` at most: a datagram, or all that came until the stream's end.
    pub fn wait(
        &mut self,
        timeout: Duration,
        signals: Option<&mut Signals>,
    ) -> io::Result<Wait<Vec<u8>>> {
        let fd = match &self.way {
            Way::Datagram(socket, _) => socket.as_raw_fd(),
            Way::Stream(socket) => socket.as_raw_fd(),
        };
        Ok(match wait_ready(fd, true, false, timeout, signals)? {
            Wait::Ready(()) if self.read()? => Wait::Ready(std::mem::take(&mut self.answer)),
            Wait::Interrupted(signo) => Wait::Interrupted(signo),
            _ => Wait::SliceEnd,
        })
    }

    /// Is the answer complete?
    fn read(&mut self) -> io::Result<bool> {
        let mut buffer = [0; LONGEST];
        match &self.way {
            Way::Datagram(socket, port) => match socket.recv_from(&mut buffer) {
                Ok((len, from)) if from.port() == *port => {
                    self.answer.extend_from_slice(&buffer[..len]);
                    Ok(true)
                }
                Ok(_) => Ok(false),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
                Err(error) => Err(error),
            },
            Way::Stream(socket) => match socket.read(&mut buffer, Reading::Now)? {
                Read::Bytes(len) => {
                    let room = LONGEST - self.answer.len();
                    self.answer.extend_from_slice(&buffer[..len.min(room)]);
                    Ok(len >= room)
                }
                Read::WouldBlock => Ok(false),
                Read::Eof => Ok(true),
            },
        }
    }
}

impl<'s> Question<'s> {
    /// Writes to a connected socket. A message that the kernel has no room for fails with `WriteZero`: it is longer than any question.
    pub fn stream(socket: &'s Socket, message: &[u8]) -> io::Result<Self> {
        if socket.write(message)? != Some(message.len()) {
            return Err(io::ErrorKind::WriteZero.into());
        }
        Ok(Self {
            way: Way::Stream(socket),
            answer: Vec::new(),
        })
    }
}
