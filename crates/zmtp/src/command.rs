//! Commands: READY, ERROR, SUBSCRIBE, CANCEL, PING, PONG; and the metadata in READY.

use crate::error::{printable, ZmtpError};
use crate::frame::{write_head, COMMAND};
use crate::limits::{Limits, MAX_CONTEXT, MAX_IDENTITY};
use crate::socket_type::SocketType;

/// A command, its parts borrowed from the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    Ready(&'a [u8]),
    /// ERROR: the reason.
    Error(&'a [u8]),
    Subscribe(&'a [u8]),
    Cancel(&'a [u8]),
    Ping {
        ttl: u16,
        context: &'a [u8],
    },
    Pong(&'a [u8]),
    /// Of a name that we do not know: to be ignored.
    Other,
}

/// The command in a frame's body.
pub(crate) fn read(body: &[u8]) -> Result<Command<'_>, ZmtpError> {
    let (name, data) = short(body).ok_or(ZmtpError::BadCommand("it ends inside its name"))?;
    Ok(match name {
        b"" => return Err(ZmtpError::BadCommand("it has no name")),
        b"READY" => Command::Ready(data),
        b"ERROR" => match short(data) {
            Some((reason, _)) => Command::Error(reason),
            None => return Err(ZmtpError::BadCommand("ERROR without a reason")),
        },
        b"SUBSCRIBE" => Command::Subscribe(data),
        b"CANCEL" => Command::Cancel(data),
        b"PING" => match data.split_first_chunk() {
            Some((ttl, context)) => Command::Ping {
                ttl: u16::from_be_bytes(*ttl),
                context: bounded(context)?,
            },
            None => return Err(ZmtpError::BadCommand("PING without a time to live")),
        },
        b"PONG" => Command::Pong(bounded(data)?),
        _ => Command::Other,
    })
}

fn bounded(context: &[u8]) -> Result<&[u8], ZmtpError> {
    match context.len() {
        0..=MAX_CONTEXT => Ok(context),
        _ => Err(ZmtpError::BadCommand("a context of more than 16 bytes")),
    }
}

/// Bytes behind a length of one byte, and what follows them.
fn short(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*len))
}

/// Appends a command whose data is `data`, in pieces.
pub(crate) fn write(name: &str, data: &[&[u8]], out: &mut Vec<u8>) {
    let len = 1 + name.len() + data.iter().map(|piece| piece.len()).sum::<usize>();
    write_head(COMMAND, len, out);
    out.push(name.len() as u8); // our own names are short
    out.extend_from_slice(name.as_bytes());
    data.iter().for_each(|piece| out.extend_from_slice(piece));
}

/// Appends READY. `identity` is at most [`MAX_IDENTITY`] long.
pub(crate) fn write_ready(kind: SocketType, identity: &[u8], out: &mut Vec<u8>) {
    let (mut data, name) = (Vec::new(), kind.name().as_bytes());
    let mut property = |name: &str, value: &[u8]| {
        data.push(name.len() as u8);
        data.extend_from_slice(name.as_bytes());
        data.extend_from_slice(&(value.len() as u32).to_be_bytes());
        data.extend_from_slice(value);
    };
    property("Socket-Type", name);
    if kind.has_identity() {
        property("Identity", identity);
    }
    write("READY", &[&data], out);
}

/// Metadata of a READY: names and values, in the peer's order. Checked before anybody gets to see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Metadata<'a> {
    /// Name, of printable ASCII, and value.
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, behind) = short(self.rest)?;
        let (len, behind) = behind.split_first_chunk()?;
        let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
        let (value, rest) = behind.split_at_checked(len)?;
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(byte);
        if name.is_empty() || !name.iter().all(allowed) {
            return None;
        }
        self.rest = rest;
        Some((std::str::from_utf8(name).ok()?, value))
    }
}

/// What a peer says of itself in READY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready<'a> {
    /// Its socket's type.
    pub socket_type: SocketType,
    /// Its identity; empty: it has none, and a ROUTER generates one.
    pub identity: &'a [u8],
    /// Everything it said, those two included.
    pub metadata: Metadata<'a>,
}

/// The data of a READY, judged as far as it does not depend on our own socket.
pub(crate) fn read_ready<'a>(data: &'a [u8], limits: &Limits) -> Result<Ready<'a>, ZmtpError> {
    let metadata = Metadata { rest: data };
    let (mut kind, mut identity, mut count) = (None, None, 0);
    let mut left = metadata.clone();
    for (name, value) in &mut left {
        count += 1;
        if count > limits.max_properties {
            let max = limits.max_properties;
            return Err(ZmtpError::TooManyProperties { max });
        }
        let seen = if name.eq_ignore_ascii_case("Socket-Type") {
            kind.replace(value)
        } else if name.eq_ignore_ascii_case("Identity") {
            identity.replace(value)
        } else {
            None
        };
        if seen.is_some() {
            return Err(ZmtpError::BadMetadata("a property stands there twice"));
        }
    }
    if !left.rest.is_empty() {
        return Err(ZmtpError::BadMetadata(
            "a property is cut off or has a bad name",
        ));
    }
    let kind = kind.ok_or(ZmtpError::BadMetadata("Socket-Type is missing"))?;
    let identity = identity.unwrap_or_default();
    check_identity(identity)?;
    Ok(Ready {
        socket_type: SocketType::from_name(kind)
            .ok_or_else(|| ZmtpError::UnknownSocketType(printable(kind)))?,
        identity,
        metadata,
    })
}

/// An identity is empty (none), or at most 255 bytes of which the first is not 0.
pub(crate) fn check_identity(identity: &[u8]) -> Result<(), ZmtpError> {
    match identity.first() {
        None => Ok(()),
        Some(1..) if identity.len() <= MAX_IDENTITY => Ok(()),
        Some(_) => Err(ZmtpError::BadIdentity {
            len: identity.len(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(list: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut data = Vec::new();
        for (name, value) in list {
            data.push(name.len() as u8);
            data.extend_from_slice(name);
            data.extend_from_slice(&(value.len() as u32).to_be_bytes());
            data.extend_from_slice(value);
        }
        data
    }

    fn ready(list: &[(&[u8], &[u8])]) -> Result<(SocketType, Vec<u8>), ZmtpError> {
        let data = properties(list);
        read_ready(&data, &Limits::default()).map(|it| (it.socket_type, it.identity.to_vec()))
    }

    #[test]
    fn metadata_is_read_whatever_the_case_of_its_names() {
        assert_eq!(
            ready(&[
                (b"x-more", b"\0"),
                (b"SOCKET-type", b"REP"),
                (b"identity", b"me")
            ]),
            Ok((SocketType::Rep, b"me".to_vec()))
        );
    }

    #[test]
    fn metadata_that_is_not_clear_is_refused() {
        let kind: (&[u8], &[u8]) = (b"Socket-Type", b"REP");
        assert!(matches!(ready(&[]), Err(ZmtpError::BadMetadata(_))));
        assert!(matches!(
            ready(&[kind, kind]),
            Err(ZmtpError::BadMetadata(_))
        ));
        assert!(matches!(
            ready(&[kind, (b"", b"")]),
            Err(ZmtpError::BadMetadata(_))
        ));
        assert!(matches!(
            ready(&[kind, (b"a b", b"")]),
            Err(ZmtpError::BadMetadata(_))
        ));
        assert_eq!(
            ready(&[(b"Socket-Type", b"rep")]),
            Err(ZmtpError::UnknownSocketType("rep".into()))
        );
        assert_eq!(
            ready(&[kind, (b"Identity", b"\0abc")]),
            Err(ZmtpError::BadIdentity { len: 4 })
        );
        assert_eq!(
            ready(&[kind, (b"Identity", &[1; 256])]),
            Err(ZmtpError::BadIdentity { len: 256 })
        );
    }

    #[test]
    fn metadata_has_a_number_of_properties_at_most() {
        let mut list: Vec<(&[u8], &[u8])> = vec![(b"a", b""); 63];
        list.push((b"Socket-Type", b"SUB"));
        assert!(ready(&list).is_ok());
        list.push((b"b", b""));
        assert_eq!(ready(&list), Err(ZmtpError::TooManyProperties { max: 64 }));
    }

    #[test]
    fn a_length_beyond_the_data_is_an_error() {
        let mut data = properties(&[(b"Socket-Type", b"SUB")]);
        data[12] = 0xff;
        assert!(matches!(
            read_ready(&data, &Limits::default()),
            Err(ZmtpError::BadMetadata(_))
        ));
    }

    #[test]
    fn commands_are_read_or_refused() {
        assert_eq!(read(b"\x09SUBSCRIBEab"), Ok(Command::Subscribe(b"ab")));
        assert_eq!(read(b"\x06CANCEL"), Ok(Command::Cancel(b"")));
        let ping = Command::Ping {
            ttl: 258,
            context: b"c",
        };
        assert_eq!(read(b"\x04PING\x01\x02c"), Ok(ping));
        assert_eq!(read(b"\x04PONGc"), Ok(Command::Pong(b"c")));
        assert_eq!(read(b"\x05ERROR\x02no!"), Ok(Command::Error(b"no")));
        assert_eq!(read(b"\x05HELLOworld"), Ok(Command::Other));
        for bad in [
            &b""[..],
            b"\0",
            b"\x05READ",
            b"\x05ERROR",
            b"\x05ERROR\x03no",
            b"\x04PING\x01",
            b"\x04PING\x00\x0012345678901234567",
            b"\x04PONG12345678901234567",
        ] {
            assert!(
                matches!(read(bad), Err(ZmtpError::BadCommand(_))),
                "{bad:?}"
            );
        }
    }
}
