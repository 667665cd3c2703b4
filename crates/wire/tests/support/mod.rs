//! What the tests share: values and boxes as Rust data, read from fixtures and tapes and written to tapes.
//! Owns no assertions about behaviour but one: whatever is read from a tape must lie inside its payload.
#![allow(dead_code)]

pub mod fixtures;

use rpyc_wire::tape::{self, record, word};
use rpyc_wire::{tape_bound, Codec, Names, Outbound, TapeWriter, WireError, Zlib, RECORD_WORDS};

/// A brine value. Floats are bits, ints decimal text.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    None,
    True,
    False,
    Ellipsis,
    NotImplemented,
    Int(String),
    Float(u64),
    Complex(u64, u64),
    Str(String),
    Bytes(Vec<u8>),
    Tuple(Vec<Value>),
    Frozenset(Vec<Value>),
    Slice(Vec<Value>),
}

/// A box, from the sender's point of view.
#[derive(Clone, Debug, PartialEq)]
pub enum Boxed {
    Value(Value),
    Tuple(Vec<Boxed>),
    /// Label 4: name_pack, class_id, instance_id.
    Remote([String; 3]),
    /// Label 3, as an observer sees it.
    Local([String; 3]),
    /// Label 3, as the owner sees it: (is it a class, id).
    Ours(bool, i32),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    Request(i32, Boxed),
    Reply(Boxed),
    Exception(Value),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub seq: u64,
    pub content: Content,
}

/// An arena that one payload was decoded into.
pub struct Arena {
    pub words: Vec<i32>,
    pub floats: Vec<f64>,
    pub at: usize,
    pub fat: usize,
    pub base: usize,
    pub len: usize,
}

impl Arena {
    /// Room for one record and any payload of this length; `base` is what offsets start from.
    pub fn new(len: usize, base: usize) -> Self {
        let (words, floats) = tape_bound(len);
        Self {
            words: vec![-1; RECORD_WORDS + words],
            floats: vec![f64::NAN; floats],
            at: RECORD_WORDS,
            fat: 0,
            base,
            len,
        }
    }

    pub fn decode(payload: &[u8], codec: &mut Codec, names: &mut Names) -> Result<Self, WireError> {
        Self::decode_at(payload, 0, codec, names)
    }

    pub fn decode_at(
        payload: &[u8],
        base: usize,
        codec: &mut Codec,
        names: &mut Names,
    ) -> Result<Self, WireError> {
        let mut arena = Self::new(payload.len(), base);
        let mut writer = TapeWriter::new(&mut arena.words, RECORD_WORDS, &mut arena.floats, 0);
        assert!(
            codec.decode_message(payload, base, names, &mut writer, 0)?,
            "empty payload"
        );
        (arena.at, arena.fat) = (writer.at, writer.fat);
        Ok(arena)
    }

    pub fn record(&self) -> &[i32] {
        &self.words[..RECORD_WORDS]
    }

    /// Reads the whole tape back; every word must be used exactly once and every offset lie in the payload.
    pub fn message(&self, payload: &[u8], codec: &Codec, names: &Names) -> Message {
        let record = self.record();
        let mut reader = Reader {
            arena: self,
            payload,
            codec,
            names,
            at: record[record::POS] as usize,
        };
        assert_eq!(reader.at, RECORD_WORDS);
        let content = match record[record::KIND] {
            1 => Content::Request(record[record::HANDLER], reader.boxed()),
            2 => Content::Reply(reader.boxed()),
            3 => Content::Exception(reader.value()),
            kind => panic!("kind {kind}"),
        };
        assert_eq!(reader.at, self.at, "words are left");
        let seq = u64::from(record[record::SEQ_LO] as u32) | (record[record::SEQ_HI] as u64) << 32;
        assert!(seq < 1 << 53);
        let rest = record[record::REST] as usize;
        assert!(record[record::KIND] != 1 || (RECORD_WORDS + 2..=self.at).contains(&rest));
        Message { seq, content }
    }
}

/// Reads a tape, and checks it while doing so.
pub struct Reader<'a> {
    pub arena: &'a Arena,
    pub payload: &'a [u8],
    pub codec: &'a Codec,
    pub names: &'a Names,
    pub at: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> i32 {
        assert!(self.at < self.arena.at, "value leaves the tape");
        self.at += 1;
        self.arena.words[self.at - 1]
    }

    fn body(&mut self) -> &'a [u8] {
        let (off, len) = (self.next() as usize, self.next() as usize);
        assert!(
            len > 0 && off >= self.arena.base && off + len <= self.arena.base + self.arena.len,
            "{off} + {len}"
        );
        &self.payload[off - self.arena.base..][..len]
    }

    fn float(&mut self, plus: usize) -> u64 {
        let f = self.arena.words[self.at] as usize + plus;
        assert!(f < self.arena.fat);
        self.arena.floats[f].to_bits()
    }

    fn count(&mut self) -> usize {
        let count = self.next() as usize;
        assert!(count <= self.arena.len);
        count
    }

    pub fn value(&mut self) -> Value {
        let head = self.next();
        let arg = tape::arg(head);
        assert!(
            arg == 0 || matches!(tape::tag(head), tape::INT | tape::STR),
            "arg of {head:x}"
        );
        match tape::tag(head) {
            tape::NONE => Value::None,
            tape::TRUE => Value::True,
            tape::FALSE => Value::False,
            tape::ELLIPSIS => Value::Ellipsis,
            tape::NOT_IMPLEMENTED => Value::NotImplemented,
            tape::INT => Value::Int(arg.to_string()),
            tape::INT53 => {
                let value = f64::from_bits(self.float(0));
                self.at += 1;
                assert!(
                    value.abs() <= 9007199254740991.0 && !(-8388608.0..8388608.0).contains(&value)
                );
                Value::Int((value as i64).to_string())
            }
            tape::BIGINT => Value::Int(String::from_utf8(self.body().to_vec()).expect("digits")),
            tape::FLOAT => {
                let bits = self.float(0);
                self.at += 1;
                Value::Float(bits)
            }
            tape::COMPLEX => {
                let (real, imaginary) = (self.float(0), self.float(1));
                self.at += 1;
                Value::Complex(real, imaginary)
            }
            tape::STR => {
                let text = std::str::from_utf8(self.body()).expect("STR is UTF-8");
                assert_eq!(arg, i32::from(text.is_ascii()));
                Value::Str(text.into())
            }
            tape::NAME => {
                let id = self.next();
                Value::Str(self.names.get(id as u32).expect("NAME is interned").into())
            }
            tape::EMPTY_STR => Value::Str(String::new()),
            tape::BYTES => Value::Bytes(self.body().to_vec()),
            tape::EMPTY_BYTES => Value::Bytes(Vec::new()),
            tape::TUPLE => Value::Tuple(self.values()),
            tape::FROZENSET => Value::Frozenset(self.values()),
            tape::SLICE => Value::Slice((0..3).map(|_| self.value()).collect()),
            tag => panic!("tag {tag} inside a value"),
        }
    }

    fn values(&mut self) -> Vec<Value> {
        (0..self.count()).map(|_| self.value()).collect()
    }

    pub fn boxed(&mut self) -> Boxed {
        let head = self.arena.words[self.at];
        match tape::tag(head) {
            tape::BOX => {
                self.at += 1;
                Boxed::Tuple((0..self.count()).map(|_| self.boxed()).collect())
            }
            tape::REMOTE => {
                self.at += 1;
                let (rid, class) = (self.next() as u32, self.next() as u32);
                let refs = self.codec.refs();
                assert_eq!(refs.class_of(rid), Some(class));
                let id = self.id_pack(rid);
                assert_eq!(tape::arg(head) == 1, id[2] == "0");
                Boxed::Remote(id)
            }
            tape::REF => {
                self.at += 1;
                let rid = self.next() as u32;
                Boxed::Local(self.id_pack(rid))
            }
            tape::LOCAL => {
                self.at += 1;
                Boxed::Ours(tape::arg(head) == 1, self.next())
            }
            _ => Boxed::Value(self.value()),
        }
    }

    fn id_pack(&self, rid: u32) -> [String; 3] {
        let refs = self.codec.refs();
        let (name, class_id) = refs
            .class_info(refs.class_of(rid).expect("rid is alive"))
            .expect("class is known");
        let (class_text, instance) = refs.id_pack(rid).expect("rid is alive");
        assert_eq!(class_id, class_text);
        [name.into(), class_text, instance]
    }
}

/// A transmit tape under construction.
#[derive(Clone, Default)]
pub struct Tx {
    pub words: Vec<i32>,
    pub floats: Vec<f64>,
    pub bytes: Vec<u8>,
    start: usize,
}

impl Tx {
    /// Starts a message; `end` closes it.
    pub fn start(&mut self, kind: i32, seq: u64, a: i32, b: i32) -> &mut Self {
        self.start = self.words.len();
        self.words
            .extend([0, kind, seq as i32, (seq >> 32) as i32, a, b, 0]);
        self
    }

    pub fn end(&mut self) -> &mut Self {
        self.words[self.start + 6] = (self.words.len() - self.start) as i32;
        self
    }

    pub fn push(&mut self, words: &[i32]) -> &mut Self {
        self.words.extend_from_slice(words);
        self
    }

    fn body(&mut self, head: i32, body: &[u8]) {
        self.words
            .extend([head, self.bytes.len() as i32, body.len() as i32]);
        self.bytes.extend_from_slice(body);
    }

    fn float(&mut self, tag: i32, floats: &[f64]) {
        self.words.extend([tag, self.floats.len() as i32]);
        self.floats.extend_from_slice(floats);
    }

    /// Writes a value as JavaScript does.
    pub fn value(&mut self, value: &Value) -> &mut Self {
        match value {
            Value::None => self.words.push(tape::NONE),
            Value::True => self.words.push(tape::TRUE),
            Value::False => self.words.push(tape::FALSE),
            Value::Ellipsis => self.words.push(tape::ELLIPSIS),
            Value::NotImplemented => self.words.push(tape::NOT_IMPLEMENTED),
            Value::Int(text) => match text.parse::<i64>() {
                Ok(value @ -8388608..=8388607) => self.words.push(word(tape::INT, value as i32)),
                Ok(value) if value.unsigned_abs() < 1 << 53 => {
                    self.float(tape::INT53, &[value as f64])
                }
                _ => self.body(tape::BIGINT, text.as_bytes()),
            },
            Value::Float(bits) => self.float(tape::FLOAT, &[f64::from_bits(*bits)]),
            Value::Complex(real, imaginary) => self.float(
                tape::COMPLEX,
                &[f64::from_bits(*real), f64::from_bits(*imaginary)],
            ),
            Value::Str(text) if text.is_empty() => self.words.push(tape::EMPTY_STR),
            Value::Str(text) => self.body(tape::STR, text.as_bytes()),
            Value::Bytes(body) if body.is_empty() => self.words.push(tape::EMPTY_BYTES),
            Value::Bytes(body) => self.body(tape::BYTES, body),
            Value::Tuple(items) => self.values(&[tape::TUPLE, items.len() as i32], items),
            Value::Frozenset(items) => self.values(&[tape::FROZENSET, items.len() as i32], items),
            Value::Slice(items) => self.values(&[tape::SLICE], items),
        }
        self
    }

    fn values(&mut self, head: &[i32], items: &[Value]) {
        self.words.extend_from_slice(head);
        items.iter().for_each(|item| {
            self.value(item);
        });
    }

    pub fn outbound(&self) -> Outbound<'_, ()> {
        Outbound {
            words: &self.words,
            floats: &self.floats,
            bytes: &self.bytes,
            blobs: &(),
        }
    }

    /// Encodes all messages.
    pub fn encode(&self, codec: &mut Codec, names: &Names) -> Result<Vec<u8>, WireError> {
        let (mut zlib, mut out, mut at) = (Zlib::new(), Vec::new(), 0);
        while at < self.words.len() {
            at = codec.encode_message(&self.outbound(), at, names, &mut zlib, &mut out)?;
        }
        Ok(out)
    }
}

/// The outbound message that says again what an observer (`keep_local_packs`) decoded: REMOTE becomes RELAY, all else stays.
///
/// `bytes` of the outbound tape are the payload itself, if it was decoded at base 0.
pub fn relay(arena: &Arena) -> Vec<i32> {
    let record = arena.record();
    let (kind, handler) = (record[record::KIND], record[record::HANDLER]);
    let a = if kind == 1 { handler } else { 0 };
    let mut words = vec![
        0,
        kind,
        record[record::SEQ_LO],
        record[record::SEQ_HI],
        a,
        0,
        0,
    ];
    let mut at = record[record::POS] as usize;
    relay_value(&arena.words, &mut at, &mut words);
    words[6] = words.len() as i32;
    words
}

fn relay_value(tape: &[i32], at: &mut usize, out: &mut Vec<i32>) {
    let head = tape[*at];
    let (len, items) = match tape::tag(head) {
        tape::REMOTE => {
            out.extend([tape::RELAY, tape[*at + 1]]);
            *at += 3;
            return;
        }
        tape::TUPLE | tape::FROZENSET | tape::BOX => (2, tape[*at + 1]),
        tape::SLICE => (1, 3),
        tape::STR | tape::BYTES | tape::BIGINT => (3, 0),
        tape::INT53 | tape::FLOAT | tape::COMPLEX | tape::NAME | tape::REF | tape::LOCAL => (2, 0),
        _ => (1, 0),
    };
    out.extend_from_slice(&tape[*at..*at + len]);
    *at += len;
    (0..items).for_each(|_| relay_value(tape, at, out));
}

/// The payload of a frame that is known to be whole and not compressed.
pub fn payload(frame: &[u8]) -> &[u8] {
    assert_eq!(
        u32::from_be_bytes(frame[..4].try_into().expect("4 bytes")) as usize,
        frame.len() - 6
    );
    assert_eq!((frame[4], frame[frame.len() - 1]), (0, 0x0a));
    &frame[5..frame.len() - 1]
}

pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|digit| (digit as char).to_digit(16).expect("hex") as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}
