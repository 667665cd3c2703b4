//! test/fixtures/rpyc-vectors.json: bytes captured from real RPyC. Its first entry, `format`, says how to read it.

use super::{hex, Boxed, Content, Message, Value};
use serde_json::{de::Deserializer, value::Value as Json};

/// RPyC's HANDLE_* by number.
const HANDLERS: [&str; 21] = [
    "",
    "PING",
    "CLOSE",
    "GETROOT",
    "GETATTR",
    "DELATTR",
    "SETATTR",
    "CALL",
    "CALLATTR",
    "REPR",
    "STR",
    "CMP",
    "HASH",
    "DIR",
    "PICKLE",
    "DEL",
    "INSPECT",
    "BUFFITER",
    "OLDSLICING",
    "CTXEXIT",
    "INSTANCECHECK",
];

pub struct Frame {
    /// "connection / step / frame number", for messages.
    pub name: String,
    pub from_client: bool,
    pub bytes: Vec<u8>,
    pub compressed: bool,
    /// Inflated.
    pub payload: Vec<u8>,
    pub thread_ids: Option<[u64; 2]>,
    pub message: Message,
}

pub struct Connection {
    pub id: String,
    pub version: u16,
    pub bound: bool,
    pub frames: Vec<Frame>,
}

pub fn load() -> Json {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../test/fixtures/rpyc-vectors.json"
    );
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut deserializer = Deserializer::from_str(&text);
    // A value nested 100 deep is 200 levels of JSON.
    deserializer.disable_recursion_limit();
    <Json as serde::Deserialize>::deserialize(&mut deserializer).expect("fixtures are JSON")
}

pub fn connections(document: &Json) -> Vec<Connection> {
    list(&document["connections"])
        .iter()
        .map(connection)
        .collect()
}

fn connection(form: &Json) -> Connection {
    let id = text(&form["id"]);
    let frames = list(&form["steps"])
        .iter()
        .flat_map(|step| list(&step["frames"]).iter().map(move |frame| (step, frame)));
    let frames = frames.map(|(step, form)| {
        let bytes = bytes(&form["hex"]);
        let compressed = form["compressed"].as_bool().expect("bool");
        let payload = if compressed {
            self::bytes(&form["payload_hex"])
        } else {
            bytes[5..bytes.len() - 1].to_vec()
        };
        let ids = form["thread_ids"]
            .as_array()
            .map(|ids| [text_or_number(&ids[0]), text_or_number(&ids[1])]);
        Frame {
            name: format!("{id} / {} / frame {}", text(&step["name"]), form["order"]),
            from_client: form["from"] == "client",
            bytes,
            compressed,
            payload,
            thread_ids: ids,
            message: message(&form["message"]),
        }
    });
    let version = if text(&form["rpyc"]).starts_with('6') {
        6
    } else {
        5
    };
    Connection {
        frames: frames.collect(),
        version,
        bound: form["bind_threads"] == true,
        id,
    }
}

fn text_or_number(form: &Json) -> u64 {
    form.as_u64()
        .unwrap_or_else(|| text(form).parse().expect("thread id"))
}

pub fn message(form: &Json) -> Message {
    let content = match form["kind"].as_str() {
        Some("request") => Content::Request(handler(&text(&form["handler"])), boxed(&form["args"])),
        Some("reply") => Content::Reply(boxed(&form["result"])),
        Some("exception") => Content::Exception(value(&form["exception"])),
        kind => panic!("kind {kind:?}"),
    };
    Message {
        seq: form["seq"].as_u64().expect("seq"),
        content,
    }
}

fn handler(name: &str) -> i32 {
    match name.strip_prefix('#') {
        Some(number) => number.parse().expect("number"),
        None => HANDLERS
            .iter()
            .position(|known| *known == name)
            .expect("a known handler") as i32,
    }
}

fn boxed(form: &Json) -> Boxed {
    let id = || {
        let parts = list(&form["id"]);
        [text(&parts[0]), text(&parts[1]), text(&parts[2])]
    };
    match form["box"].as_str() {
        Some("value") => Boxed::Value(value(&form["value"])),
        Some("tuple") => Boxed::Tuple(list(&form["items"]).iter().map(boxed).collect()),
        Some("remote_ref") => Boxed::Remote(id()),
        Some("local_ref") => Boxed::Local(id()),
        kind => panic!("box {kind:?}"),
    }
}

pub fn value(form: &Json) -> Value {
    match form {
        Json::Null => return Value::None,
        Json::Bool(true) => return Value::True,
        Json::Bool(false) => return Value::False,
        Json::String(text) => return Value::Str(text.clone()),
        _ => {}
    }
    let (tag, body) = form
        .as_object()
        .and_then(|object| object.iter().next())
        .expect("a tagged value");
    let values = || list(body).iter().map(value).collect();
    let bits = |form: &Json| u64::from_str_radix(&text(form), 16).expect("f64 bits");
    match &**tag {
        "int" => Value::Int(text(body)),
        "float" => Value::Float(bits(body)),
        "complex" => Value::Complex(bits(&body[0]), bits(&body[1])),
        "bytes" => Value::Bytes(bytes(body)),
        "tuple" => Value::Tuple(values()),
        "frozenset" => Value::Frozenset(values()),
        "slice" => Value::Slice(values()),
        "ellipsis" => Value::Ellipsis,
        "notimplemented" => Value::NotImplemented,
        "repeat" => {
            let times = body[1].as_u64().expect("times") as usize;
            match value(&body[0]) {
                Value::Str(unit) => Value::Str(unit.repeat(times)),
                Value::Bytes(unit) => Value::Bytes(unit.repeat(times)),
                Value::Tuple(unit) => Value::Tuple((0..times).flat_map(|_| unit.clone()).collect()),
                unit => panic!("repeated {unit:?}"),
            }
        }
        _ => panic!("value {tag}"),
    }
}

/// A HEX form.
pub fn bytes(form: &Json) -> Vec<u8> {
    match form {
        Json::String(digits) => hex(digits),
        _ => list(form)
            .iter()
            .flat_map(|run| hex(&text(&run[0])).repeat(run[1].as_u64().expect("times") as usize))
            .collect(),
    }
}

pub fn list(form: &Json) -> &[Json] {
    form.as_array().map_or(&[], |list| list)
}

pub fn text(form: &Json) -> String {
    form.as_str()
        .unwrap_or_else(|| panic!("{form} is no string"))
        .into()
}
