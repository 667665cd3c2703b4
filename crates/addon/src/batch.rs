//! From descriptor or inbox to one batch: bytes into the first half of the arena, inflated payloads
//! into the second, records and tape into its words. What is left of the bytes goes (back) to the
//! connection's inbox. Knows one connection and one arena, neither the engine nor JavaScript.

use rpyc_net::{Read, Reading, Socket};
use rpyc_wire::{frame, tape, Names, Scan, TapeWriter, WireError, Zlib};

use crate::big::Big;
use crate::codes::status;
use crate::connection::{Connection, End};
use crate::inflated::Inflated;
use crate::memory::Tape;

/// A partial frame longer than this is gathered in the inbox instead of being copied to the arena
/// and back with each read.
const GATHER: usize = 16 * 1024;

/// Reads without a message before others have their turn.
const MAX_READS: usize = 16;

/// The next batch of one connection, and where it goes.
pub struct Batch<'a> {
    pub connection: &'a mut Connection,
    pub arena: &'a mut Tape,
    pub names: &'a mut Names,
    pub zlib: &'a mut Zlib,
}

/// Why decoding stopped before the last complete frame.
enum Stop {
    /// The first frame of the batch does not fit the arena.
    TooBig,
    Broken(WireError),
}

/// What one pass over received bytes gave.
struct Pass {
    records: i32,
    /// Bytes of the frames that were decoded.
    used: usize,
    stop: Option<Stop>,
}

impl Batch<'_> {
    /// A BatchCode, 0 when there is nothing. Reads from `socket`, where there is one, as far as
    /// `reading` says when no complete frame is there.
    pub fn next(&mut self, socket: Option<&Socket>, mut reading: Reading) -> i32 {
        let max_frame = self.connection.codec.limits().max_frame;
        let mut reads = 0;
        loop {
            if self.connection.big.is_some() {
                return status::BIG;
            }
            if self.connection.end == Some(End::Protocol) {
                return status::PROTOCOL;
            }
            let total = match frame::scan(self.connection.inbox.get(), max_frame) {
                Ok(Scan::Need { total }) => total,
                Ok(Scan::Frame { .. }) => {
                    let records = self.decode_waiting();
                    if records > 0 {
                        return records;
                    }
                    continue;
                }
                Err(error) => {
                    self.connection.fail(&error);
                    continue;
                }
            };
            if let Some(end) = self.connection.end {
                return code_of(end);
            }
            // Asked here, and not of the loop: the last read may have completed a frame.
            reads += 1;
            let Some(socket) = socket.filter(|_| reads <= MAX_READS) else {
                return 0;
            };
            match self.read(socket, total, std::mem::replace(&mut reading, Reading::Now)) {
                Some(0) => {}
                Some(records) => return records,
                None => return 0,
            }
        }
    }

    /// Decodes frames that were received before.
    fn decode_waiting(&mut self) -> i32 {
        let waiting = self.connection.inbox.get();
        let raw = raw_half(self.arena.bytes.get_mut());
        let len = waiting.len().min(raw.len());
        raw[..len].copy_from_slice(&waiting[..len]);
        // A frame longer than the raw half is complete in the inbox, and incomplete here.
        let pass = match frame::scan(&raw[..len], self.connection.codec.limits().max_frame) {
            Ok(Scan::Need { .. }) => Pass {
                records: 0,
                used: 0,
                stop: Some(Stop::TooBig),
            },
            _ => self.decode(len),
        };
        self.connection.inbox.consume(pass.used);
        self.settle(pass)
    }

    /// One read: the number of records, `None` when nothing was there.
    fn read(&mut self, socket: &Socket, total: usize, reading: Reading) -> Option<i32> {
        let raw = raw_half(self.arena.bytes.get_mut());
        let waiting = self.connection.inbox.len();
        if total > raw.len() || waiting > GATHER {
            let read = self.connection.inbox.read(socket, total - waiting, reading);
            let count = self.read_ended(read)?;
            if waiting + count < total {
                socket.quick_ack();
            }
            return Some(0);
        }
        let read = socket.read(&mut raw[waiting..], reading);
        let count = self.read_ended(read)?;
        if count == 0 {
            return Some(0);
        }
        let raw = raw_half(self.arena.bytes.get_mut());
        raw[..waiting].copy_from_slice(self.connection.inbox.get());
        let filled = waiting + count;
        let pass = self.decode(filled);
        self.connection.inbox.consume(waiting);
        if pass.used < filled {
            self.connection
                .inbox
                .append(&raw_half(self.arena.bytes.get_mut())[pass.used..filled]);
            if pass.stop.is_none() {
                socket.quick_ack();
            }
        } else if self.connection.awaits_answers() {
            socket.quick_ack();
        }
        Some(self.settle(pass))
    }

    /// Notes what a read that gave no bytes means; `None`: nothing there.
    fn read_ended(&mut self, read: std::io::Result<Read>) -> Option<usize> {
        let end = match read {
            Ok(Read::Bytes(count)) => {
                self.connection.bytes_in += count as u64;
                return Some(count);
            }
            // The write took the error of the socket; reading finds nothing but the end.
            Ok(Read::Eof) if self.connection.write_failed == Some(libc::ECONNRESET) => {
                End::Errno(libc::ECONNRESET)
            }
            Ok(Read::Eof) => End::Eof,
            Ok(Read::WouldBlock) => End::Errno(self.connection.write_failed?),
            Err(error) => match error.raw_os_error() {
                Some(errno) => End::Errno(errno),
                None => {
                    self.connection.error = error.to_string();
                    End::Tls
                }
            },
        };
        self.connection.end = Some(end);
        Some(0)
    }

    /// Decodes what `raw[..filled]` holds, as far as the arena has room.
    fn decode(&mut self, filled: usize) -> Pass {
        let (raw, spare) = halves(self.arena.bytes.get_mut());
        let base = raw.len();
        let words = self.arena.words.get_mut();
        let room = words.len() / 32;
        let mut tape = TapeWriter::new(
            words,
            room * tape::RECORD_WORDS,
            self.arena.floats.get_mut(),
            0,
        );
        let mut inflated = Inflated::new(self.zlib, spare, base);
        let codec = &mut self.connection.codec;
        let max_frame = codec.limits().max_frame;
        let mut pass = Pass {
            records: 0,
            used: 0,
            stop: None,
        };
        while (pass.records as usize) < room {
            let (payload, compressed, total) = match frame::scan(&raw[pass.used..filled], max_frame)
            {
                Ok(Scan::Frame {
                    payload,
                    compressed,
                    total,
                }) => (payload, compressed, total),
                Ok(Scan::Need { .. }) => break,
                Err(error) => {
                    pass.stop = Some(Stop::Broken(error));
                    break;
                }
            };
            let (start, end) = (pass.used + payload.start, pass.used + payload.end);
            let record_at = pass.records as usize * tape::RECORD_WORDS;
            let decoded = if compressed {
                inflated.decode(codec, &raw[start..end], self.names, &mut tape, record_at)
            } else {
                codec.decode_message(&raw[start..end], start, self.names, &mut tape, record_at)
            };
            match decoded {
                Ok(is_message) => {
                    pass.records += i32::from(is_message);
                    pass.used += total;
                }
                Err(WireError::TapeFull { .. }) => {
                    pass.stop = (pass.records == 0).then_some(Stop::TooBig);
                    break;
                }
                Err(error) => {
                    pass.stop = Some(Stop::Broken(error));
                    break;
                }
            }
        }
        pass
    }

    /// After the inbox holds exactly what was not decoded: remembers why decoding stopped.
    fn settle(&mut self, pass: Pass) -> i32 {
        match pass.stop {
            None => {}
            Some(Stop::Broken(error)) => self.connection.fail(&error),
            Some(Stop::TooBig) => {
                let Connection { inbox, codec, .. } = &mut *self.connection;
                match Big::gather(inbox, codec, self.names, self.zlib) {
                    Ok(big) => self.connection.big = big,
                    Err(error) => self.connection.fail(&error),
                }
            }
        }
        pass.records
    }
}

fn code_of(end: End) -> i32 {
    match end {
        End::Eof => status::EOF,
        End::Errno(_) => status::ERRNO,
        End::Protocol => status::PROTOCOL,
        End::Tls => status::TLS,
    }
}

fn halves(bytes: &mut [u8]) -> (&mut [u8], &mut [u8]) {
    let half = bytes.len() / 2;
    bytes.split_at_mut(half)
}

fn raw_half(bytes: &mut [u8]) -> &mut [u8] {
    halves(bytes).0
}
