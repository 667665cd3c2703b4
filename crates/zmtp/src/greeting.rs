//! The 64 bytes with which each side begins: signature, version, mechanism, as-server.
//!
//! Checked byte by byte as they arrive: whoever speaks something else, or an older ZMTP whose greeting is shorter,
//! is recognised from the bytes that are there.

use crate::error::{printable, ZmtpError};

/// Length of a greeting.
pub const GREETING: usize = 64;
/// Where the mechanism's 20 bytes begin; before it two bytes of version, behind it as-server.
const MECHANISM: usize = 12;
const AS_SERVER: usize = 32;

/// Our greeting, as ZMTP 3.`minor`.
pub fn greeting(minor: u8) -> [u8; GREETING] {
    let mut bytes = [0; GREETING];
    bytes[0] = 0xff;
    bytes[8] = 1; // as libzmq fills it, for peers of ZMTP 1
    bytes[9] = 0x7f;
    bytes[10..MECHANISM].copy_from_slice(&[3, minor]);
    bytes[MECHANISM..MECHANISM + 4].copy_from_slice(b"NULL");
    bytes
}

/// The minor version of a peer that greets like this; None: more bytes are needed.
///
/// The padding of signature and filler may hold anything, as in libzmq.
pub fn read_greeting(bytes: &[u8]) -> Result<Option<u8>, ZmtpError> {
    let at = |at: usize| bytes.get(at).copied();
    let signature = [(0, at(0), 0xff, 0xff), (9, at(9), 1, 1)];
    for (at, byte, mask, expected) in signature {
        match byte {
            Some(byte) if byte & mask != expected => return Err(ZmtpError::NotZmtp { at, byte }),
            _ => {}
        }
    }
    if let Some(revision @ 0..3) = at(10) {
        return Err(ZmtpError::OldVersion { revision });
    }
    let Some(greeting) = bytes.first_chunk::<GREETING>() else {
        return Ok(None);
    };
    let mechanism = &greeting[MECHANISM..AS_SERVER];
    if mechanism != b"NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" {
        let end = mechanism.iter().position(|byte| *byte == 0);
        let name = &mechanism[..end.unwrap_or(mechanism.len())];
        return Err(ZmtpError::Mechanism(printable(name)));
    }
    match greeting[AS_SERVER] {
        0 | 1 => Ok(Some(if greeting[10] > 3 { 1 } else { greeting[11] })),
        other => Err(ZmtpError::BadAsServer(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_is_read_with_its_version_and_not_before_it_is_whole() {
        for minor in [0, 1] {
            let bytes = greeting(minor);
            for len in 0..GREETING {
                assert_eq!(read_greeting(&bytes[..len]), Ok(None));
            }
            assert_eq!(read_greeting(&bytes), Ok(Some(minor)));
        }
    }

    #[test]
    fn other_protocols_are_told_by_their_first_byte() {
        let error = |at, byte| Err(ZmtpError::NotZmtp { at, byte });
        assert_eq!(read_greeting(b"GET / HTTP/1.1\r\n"), error(0, b'G'));
        assert_eq!(read_greeting(b"\xff\0\0\0\0\0\0\0\x01\x7e"), error(9, 0x7e));
    }

    #[test]
    fn a_peer_of_zmtp_2_is_told_before_it_waits_for_ever() {
        let start = b"\xff\0\0\0\0\0\0\0\x01\x7f\x01";
        assert_eq!(
            read_greeting(start),
            Err(ZmtpError::OldVersion { revision: 1 })
        );
    }

    #[test]
    fn a_mechanism_other_than_null_is_named() {
        let mut bytes = greeting(1);
        bytes[MECHANISM..MECHANISM + 5].copy_from_slice(b"CURVE");
        assert_eq!(
            read_greeting(&bytes),
            Err(ZmtpError::Mechanism("CURVE".into()))
        );
        let mut padded = greeting(1);
        padded[MECHANISM + 19] = b'x';
        assert!(matches!(
            read_greeting(&padded),
            Err(ZmtpError::Mechanism(_))
        ));
    }
}
