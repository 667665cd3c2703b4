//! test/fixtures/zerorpc-vectors.json: bytes captured from real ZeroRPC and libzmq. Its first entry, `meta`, says of which.

use rpyc_zmtp::SocketType;
use serde_json::Value as Json;

/// One TCP connection, as libzmq 4.3.4 spoke on it.
pub struct Connection {
    pub name: &'static str,
    pub connecter: End,
    pub binder: End,
}

/// One end of it.
pub struct End {
    pub socket_type: SocketType,
    /// All that it wrote.
    pub wrote: Vec<u8>,
}

pub fn load() -> Json {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../test/fixtures/zerorpc-vectors.json"
    );
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).expect("fixtures are JSON")
}

/// The taped connections.
pub fn connections(document: &Json) -> Vec<Connection> {
    use SocketType::*;
    let known = [
        ("rpc_ping_add", Dealer, Router),
        ("push_pull", Push, Pull),
        ("pub_sub", Pub, Sub),
    ];
    let taped = document["zmtp"].as_object().expect("zmtp is an object");
    let names = taped.keys().filter(|key| *key != "note");
    assert_eq!(names.count(), known.len());
    known
        .into_iter()
        .map(|(name, connecter, binder)| {
            let end = |socket_type, key: &str| End {
                socket_type,
                wrote: hex(&taped[name][key]),
            };
            Connection {
                name,
                connecter: end(connecter, "connecter"),
                binder: end(binder, "binder"),
            }
        })
        .collect()
}

/// The parts of every message that a ZeroRPC or infi.rpc socket sent or received.
pub fn messages(document: &Json) -> Vec<Vec<Vec<u8>>> {
    let scenarios = ["zerorpc", "infi_rpc"]
        .into_iter()
        .flat_map(|kind| document[kind].as_object().expect("scenarios").values());
    scenarios
        .flat_map(|scenario| list(&scenario["messages"]))
        .filter(|message| message.get("frames").is_some())
        .map(|message| list(&message["frames"]).iter().map(hex).collect())
        .collect()
}

fn list(value: &Json) -> &Vec<Json> {
    value.as_array().expect("a list")
}

fn hex(value: &Json) -> Vec<u8> {
    let digits = value.as_str().expect("hex").as_bytes();
    let digit = |byte: u8| (byte as char).to_digit(16).expect("a hex digit") as u8;
    digits
        .chunks_exact(2)
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}
