//! A ZeroMQ socket of ours for the tests: [`Session`] and [`Socket`] on std's blocking sockets, driven by lines.
//!
//!     peer TYPE (bind|connect)=ADDRESS... [identity=HEX] [minor=0|1] [ping=MS]
//!
//! Reads lines from stdin: `send HEX,HEX,...`, `subscribe HEX`, `cancel HEX`, `ping HEX`. An empty part is an empty text between commas.
//! Prints `READY {"port":N}` once it listens or has begun to connect, then lines of what happens: `peer TYPE HEX`, `gone TEXT`, `recv HEX,...`,
//! `subscribed HEX`, `cancelled HEX`, `pinged TTL`, `pong HEX`, `blocked` (a message that waits until there is room).
//! Ends when stdin does. A connection that is lost is not made again.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::io::{self, BufRead, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{channel, Sender};
use std::thread;
use std::time::Duration;

use rpyc_zmtp::{
    Config, Event, Limits, Message, Options, PeerId, SendError, Session, Socket, SocketType,
    ZmtpError,
};

/// What the threads tell the one that owns the socket.
enum News {
    Connected(TcpStream),
    Bytes(PeerId, Vec<u8>),
    Closed(PeerId),
    Line(String),
    Tick,
    End,
}

struct Connection {
    stream: TcpStream,
    session: Session,
    input: Vec<u8>,
    out: Vec<u8>,
}

struct Node {
    config: Config,
    socket: Socket,
    connections: BTreeMap<PeerId, Connection>,
    /// Messages that wait until there is room.
    waiting: VecDeque<Message>,
    next: u32,
    news: Sender<News>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let kind = args.next().ok_or("peer TYPE ...")?;
    let kind = SocketType::from_name(kind.as_bytes()).ok_or("no such socket type")?;
    let (news, inbox) = channel();
    let (mut config, mut port) = (Config::new(kind), 0);
    for arg in args {
        let (name, value) = arg.split_once('=').ok_or("name=value")?;
        match name {
            "bind" => port = listen(value, news.clone())?,
            "connect" => news.send(News::Connected(TcpStream::connect(value)?))?,
            "identity" => config.identity = unhex(value),
            "minor" => config.minor = value.parse()?,
            "ping" => tick(Duration::from_millis(value.parse()?), news.clone()),
            _ => return Err(format!("no such option: {name}").into()),
        }
    }
    println!("READY {{\"port\":{port}}}");
    let lines = news.clone();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            let _ = lines.send(News::Line(line));
        }
        let _ = lines.send(News::End);
    });

    let mut node = Node {
        socket: Socket::new(kind, Options::default()),
        config,
        connections: BTreeMap::new(),
        waiting: VecDeque::new(),
        next: 0,
        news,
    };
    for each in inbox {
        match each {
            News::Connected(stream) => node.open(stream)?,
            News::Bytes(peer, bytes) => node.read(peer, &bytes),
            News::Closed(peer) => node.close(peer, "closed by the peer"),
            News::Line(line) => node.command(&line)?,
            News::Tick => node.each(|session, out| session.ping(0, b"tick", out)),
            News::End => return Ok(()),
        }
    }
    Ok(())
}

fn listen(address: &str, news: Sender<News>) -> io::Result<u16> {
    let listener = TcpListener::bind(address)?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let _ = news.send(News::Connected(stream));
        }
    });
    Ok(port)
}

fn tick(every: Duration, news: Sender<News>) {
    thread::spawn(move || loop {
        thread::sleep(every);
        if news.send(News::Tick).is_err() {
            return;
        }
    });
}

/// Reads in pieces of odd sizes, so that frames are cut everywhere.
fn reader(peer: PeerId, mut stream: TcpStream, news: Sender<News>) {
    let mut buffer = vec![0; 64 << 10];
    let mut size = 1;
    loop {
        size = if size >= buffer.len() / 3 {
            1
        } else {
            size * 3
        };
        match stream.read(&mut buffer[..size]) {
            Ok(0) | Err(_) => break,
            Ok(len) => {
                let _ = news.send(News::Bytes(peer, buffer[..len].to_vec()));
            }
        }
    }
    let _ = news.send(News::Closed(peer));
}

impl Node {
    fn open(&mut self, stream: TcpStream) -> Result<(), Box<dyn Error>> {
        let peer = PeerId(self.next);
        self.next += 1;
        stream.set_nodelay(true)?;
        let (copy, news) = (stream.try_clone()?, self.news.clone());
        thread::spawn(move || reader(peer, copy, news));
        let mut out = Vec::new();
        let session = Session::new(self.config.clone(), &mut out)?;
        let input = Vec::new();
        let connection = Connection {
            stream,
            session,
            input,
            out,
        };
        self.connections.insert(peer, connection);
        self.write(peer);
        Ok(())
    }

    fn read(&mut self, peer: PeerId, bytes: &[u8]) {
        let Some(connection) = self.connections.get_mut(&peer) else {
            return;
        };
        let mut input = std::mem::take(&mut connection.input);
        input.extend_from_slice(bytes);
        let mut used = 0;
        let result = loop {
            match self.event(peer, &input[used..]) {
                Ok(None) => break Ok(()),
                Ok(Some(more)) => used += more,
                Err(error) => break Err(error),
            }
        };
        input.drain(..used);
        if let Some(connection) = self.connections.get_mut(&peer) {
            connection.input = input;
        }
        self.write(peer);
        if let Err(error) = result {
            self.close(peer, &error.to_string());
        }
        self.drain();
        self.retry();
    }

    /// One event: what it used. None: there is none (greetings are used up by the next one).
    fn event(&mut self, peer: PeerId, input: &[u8]) -> Result<Option<usize>, ZmtpError> {
        let Some(connection) = self.connections.get_mut(&peer) else {
            return Ok(None);
        };
        let Connection { session, out, .. } = connection;
        let fed = session.feed(input, out)?;
        match fed.event {
            Some(Event::Ready(ready)) => {
                println!("peer {} {}", ready.socket_type.name(), hex(ready.identity));
                self.socket.attach(peer);
                self.socket.identify(peer, ready.identity)?;
                for topic in self.socket.wanted() {
                    session.subscribe(topic, out)?;
                }
            }
            Some(Event::Message(message)) => {
                self.socket.deliver(peer, message);
            }
            Some(Event::Subscribe(topic)) => {
                self.socket.subscribe(peer, topic)?;
                println!("subscribed {}", hex(topic));
            }
            Some(Event::Cancel(topic)) => {
                self.socket.cancel(peer, topic);
                println!("cancelled {}", hex(topic));
            }
            Some(Event::Ping { ttl }) => println!("pinged {ttl}"),
            Some(Event::Pong(context)) => println!("pong {}", hex(context)),
            None if fed.used == 0 => return Ok(None),
            None => {}
        }
        Ok(Some(fed.used))
    }

    /// Prints all that can be received.
    fn drain(&mut self) {
        while let Ok(Some(received)) = self.socket.receive() {
            let parts: Vec<String> = received.message.parts().map(hex).collect();
            println!("recv {}", parts.join(","));
        }
    }

    fn command(&mut self, line: &str) -> Result<(), Box<dyn Error>> {
        let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
        match name {
            "send" => {
                let parts: Vec<Vec<u8>> = rest.split(',').map(unhex).collect();
                let message = Message::new(parts.iter().map(Vec::as_slice), &Limits::default())?;
                self.waiting.push_back(message);
                self.retry();
                self.drain(); // a REP receives its next request now
            }
            "subscribe" => {
                let topic = unhex(rest);
                if self.socket.want(&topic) {
                    self.each(|session, out| session.subscribe(&topic, out));
                }
            }
            "cancel" => {
                let topic = unhex(rest);
                if self.socket.unwant(&topic) {
                    self.each(|session, out| session.cancel(&topic, out));
                }
            }
            "ping" => {
                let context = unhex(rest);
                self.each(|session, out| session.ping(0, &context, out));
            }
            _ => return Err(format!("no such command: {line}").into()),
        }
        Ok(())
    }

    /// Sends what waits, as far as there is room.
    fn retry(&mut self) {
        while let Some(message) = self.waiting.pop_front() {
            let mut to = Vec::new();
            match self.socket.send(message, &mut to) {
                Ok(()) => to.into_iter().for_each(|peer| self.write(peer)),
                Err(SendError::WouldBlock(message)) => {
                    println!("blocked");
                    self.waiting.push_front(message);
                    return;
                }
                Err(SendError::Misuse(what)) => println!("misuse {what}"),
            }
        }
    }

    /// Says something on every connection that is ready.
    fn each(&mut self, say: impl Fn(&Session, &mut Vec<u8>) -> Result<(), ZmtpError>) {
        for connection in self.connections.values_mut() {
            let Connection { session, out, .. } = connection;
            if session.is_ready() {
                say(session, out).expect("it can be said");
            }
        }
        let peers: Vec<PeerId> = self.connections.keys().copied().collect();
        peers.into_iter().for_each(|peer| self.write(peer));
    }

    fn write(&mut self, peer: PeerId) {
        let Some(connection) = self.connections.get_mut(&peer) else {
            return;
        };
        let mut out = std::mem::take(&mut connection.out);
        while let Some(outgoing) = self.socket.outgoing(peer) {
            out.extend_from_slice(outgoing.message.wire());
        }
        let _ = connection.stream.write_all(&out); // the reader sees that it is gone
    }

    fn close(&mut self, peer: PeerId, why: &str) {
        if let Some(connection) = self.connections.remove(&peer) {
            let _ = connection.stream.shutdown(Shutdown::Both);
            self.socket.detach(peer);
            println!("gone {why}");
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).expect("a hex digit") as u8;
    let pairs = text.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}
