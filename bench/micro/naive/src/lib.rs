//! What a straightforward addon does: a decoded message crosses as nested JavaScript values, and so does one to be encoded.
//!
//! The codec is rpyc-wire, so only the seam differs. In its favour: input and output buffers are registered once, references
//! cross as bare integers, and there is no class, no macro and no copy beyond what Node-API asks for.

use std::cell::RefCell;
use std::ffi::{c_void, CStr};
use std::ptr::null_mut;

use napi_sys as sys;
use rpyc_wire::{
    frame, tape, tape_bound, Bound, Codec, Compress, Names, Options, Outbound, Scan, TapeWriter,
    Zlib, RECORD_WORDS,
};

/// A buffer of JavaScript's that lives as long as the process.
#[derive(Clone, Copy)]
struct Pinned(*mut u8, usize);

struct State {
    codec: Codec,
    names: Names,
    zlib: Zlib,
    input: Pinned,
    output: Pinned,
    words: Vec<i32>,
    floats: Vec<f64>,
    bytes: Vec<u8>,
    encoded: Vec<u8>,
}

thread_local! {
    static STATE: RefCell<Option<State>> = const { RefCell::new(None) };
}

/// `init(input, output)`: two Uint8Arrays that the caller keeps.
unsafe extern "C" fn init(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let [input, output] = arguments(env, info);
    let options = Options {
        variant: 6,
        bound: Bound::Never,
        compress: Compress::from_code(0),
        ..Options::default()
    };
    STATE.set(Some(State {
        codec: Codec::new(options),
        names: Names::new(),
        zlib: Zlib::new(),
        input: pinned(env, input),
        output: pinned(env, output),
        words: Vec::new(),
        floats: Vec::new(),
        bytes: Vec::new(),
        encoded: Vec::new(),
    }));
    null_mut()
}

/// `decode(start)`: the frame there as `[kind, seq, handler, value, size of the frame]`.
unsafe extern "C" fn decode(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let [start] = arguments(env, info);
    let start = double(env, start) as usize;
    STATE.with_borrow_mut(|state| {
        let state = state.as_mut().expect("init was called");
        // SAFETY: registered for the life of the process; JavaScript does not run meanwhile.
        let input = unsafe { std::slice::from_raw_parts(state.input.0, state.input.1) };
        let Ok(Scan::Frame { payload, total, .. }) = frame::scan(&input[start..], 1 << 28) else {
            panic!("no frame")
        };
        let payload = &input[start..][payload];
        let (words, floats) = tape_bound(payload.len());
        if state.words.len() < words + RECORD_WORDS {
            state.words.resize(words + RECORD_WORDS, 0);
        }
        if state.floats.len() < floats {
            state.floats.resize(floats, 0.0);
        }
        let mut writer = TapeWriter::new(&mut state.words, RECORD_WORDS, &mut state.floats, 0);
        state
            .codec
            .decode_message(payload, 0, &mut state.names, &mut writer, 0)
            .expect("a message");
        let seq = f64::from(state.words[tape::record::SEQ_LO] as u32);
        let mut reader = Reader {
            env,
            state,
            payload,
            at: state.words[tape::record::POS] as usize,
        };
        let value = reader.value();
        let message = array(env, 5);
        let (kind, handler) = (
            state.words[tape::record::KIND],
            state.words[tape::record::HANDLER],
        );
        for (at, item) in [
            int(env, kind),
            number(env, seq),
            int(env, handler),
            value,
            int(env, total as i32),
        ]
        .into_iter()
        .enumerate()
        {
            set(env, message, at, item);
        }
        message
    })
}

/// Tape to JavaScript values.
struct Reader<'a> {
    env: sys::napi_env,
    state: &'a State,
    payload: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn word(&mut self) -> i32 {
        self.at += 1;
        self.state.words[self.at - 1]
    }

    fn span(&mut self) -> &[u8] {
        let (start, len) = (self.word() as usize, self.word() as usize);
        &self.payload[start..start + len]
    }

    fn value(&mut self) -> sys::napi_value {
        let (env, word) = (self.env, self.word());
        match tape::tag(word) {
            tape::NONE => constant(env, sys::napi_get_null),
            tape::TRUE => boolean(env, true),
            tape::FALSE => boolean(env, false),
            tape::INT => int(env, tape::arg(word)),
            tape::INT53 | tape::FLOAT => {
                let at = self.word() as usize;
                number(env, self.state.floats[at])
            }
            tape::EMPTY_STR => text(env, b"", true),
            tape::STR => text(env, self.span(), tape::arg(word) == 1),
            tape::NAME => {
                let id = self.word() as u32;
                text(
                    env,
                    self.state.names.get(id).expect("a name").as_bytes(),
                    false,
                )
            }
            tape::TUPLE | tape::BOX => {
                let count = self.word() as usize;
                let items = array(env, count);
                for at in 0..count {
                    let item = self.value();
                    set(env, items, at, item);
                }
                items
            }
            tape::LOCAL => {
                let id = self.word();
                int(env, id)
            }
            tape::REMOTE => {
                let (rid, _class) = (self.word(), self.word());
                int(env, rid)
            }
            other => panic!("tag {other} is not in this benchmark"),
        }
    }
}

/// `encode(at, kind, seq, handler, rid, value)`: writes one frame to the output from `at` on, returns its end. A `rid` other than 0
/// goes before the items of `value`.
unsafe extern "C" fn encode(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let [at, kind, seq, handler, rid, value] = arguments(env, info);
    STATE.with_borrow_mut(|state| {
        let state = state.as_mut().expect("init was called");
        state.words.clear();
        state.floats.clear();
        state.bytes.clear();
        state.encoded.clear();
        let seq = double(env, seq);
        let header = [
            0,
            double(env, kind) as i32,
            seq as u32 as i32,
            (seq / 4_294_967_296.0) as i32,
            double(env, handler) as i32,
            0,
            0,
        ];
        state.words.extend(header);
        let rid = double(env, rid) as i32;
        if rid == 0 {
            state.walk(env, value);
        } else {
            let count = length(env, value);
            state
                .words
                .extend([tape::BOX, count as i32 + 1, tape::REF, rid]);
            for at in 0..count {
                state.walk(env, element(env, value, at));
            }
        }
        state.words[6] = state.words.len() as i32;
        let outbound = Outbound {
            words: &state.words,
            floats: &state.floats,
            bytes: &state.bytes,
            blobs: &(),
        };
        state
            .codec
            .encode_message(
                &outbound,
                0,
                &state.names,
                &mut state.zlib,
                &mut state.encoded,
            )
            .expect("encodes");
        // SAFETY: registered for the life of the process; JavaScript does not run meanwhile.
        let output = unsafe { std::slice::from_raw_parts_mut(state.output.0, state.output.1) };
        let start = double(env, at) as usize;
        let end = start + state.encoded.len();
        output[start..end].copy_from_slice(&state.encoded);
        int(env, end as i32)
    })
}

impl State {
    /// One JavaScript value onto the tape.
    fn walk(&mut self, env: sys::napi_env, value: sys::napi_value) {
        let mut kind = sys::ValueType::napi_undefined;
        // SAFETY: a live environment and a value of this call; so below.
        unsafe { sys::napi_typeof(env, value, &mut kind) };
        match kind {
            sys::ValueType::napi_number => self.number(double(env, value)),
            sys::ValueType::napi_string => self.text(env, value),
            sys::ValueType::napi_boolean => {
                let mut is_true = false;
                unsafe { sys::napi_get_value_bool(env, value, &mut is_true) };
                self.words
                    .push(if is_true { tape::TRUE } else { tape::FALSE });
            }
            sys::ValueType::napi_object => {
                let count = length(env, value);
                self.words.extend([tape::TUPLE, count as i32]);
                for at in 0..count {
                    self.walk(env, element(env, value, at));
                }
            }
            _ => self.words.push(tape::NONE),
        }
    }

    fn number(&mut self, value: f64) {
        let is_int = value.trunc() == value
            && value.abs() <= 9_007_199_254_740_991.0
            && (value != 0.0 || value.is_sign_positive());
        if is_int && (-8_388_608.0..=8_388_607.0).contains(&value) {
            self.words.push(tape::word(tape::INT, value as i32));
        } else {
            self.words.extend([
                if is_int { tape::INT53 } else { tape::FLOAT },
                self.floats.len() as i32,
            ]);
            self.floats.push(value);
        }
    }

    fn text(&mut self, env: sys::napi_env, value: sys::napi_value) {
        let (mut room, mut len) = ([0u8; 256], 0);
        unsafe {
            sys::napi_get_value_string_utf8(
                env,
                value,
                room.as_mut_ptr().cast(),
                room.len(),
                &mut len,
            )
        };
        assert!(len < room.len() - 4, "strings of this benchmark are short");
        if len == 0 {
            self.words.push(tape::EMPTY_STR);
            return;
        }
        self.words
            .extend([tape::STR, self.bytes.len() as i32, len as i32]);
        self.bytes.extend(&room[..len]);
    }
}

// --- Node-API in short ----------------------------------------------------------------------------------------------

fn arguments<const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> [sys::napi_value; N] {
    let (mut values, mut count) = ([null_mut(); N], N);
    // SAFETY: a live environment and the info of the call under way, room for `count` values.
    unsafe {
        sys::napi_get_cb_info(
            env,
            info,
            &mut count,
            values.as_mut_ptr(),
            null_mut(),
            null_mut(),
        )
    };
    values
}

/// Runs a function of Node-API that writes one value.
fn made(make: impl FnOnce(*mut sys::napi_value) -> sys::napi_status) -> sys::napi_value {
    let mut value = null_mut();
    assert_eq!(make(&mut value), sys::Status::napi_ok);
    value
}

// SAFETY of all of these: a live environment, and values of the call under way.

fn int(env: sys::napi_env, value: i32) -> sys::napi_value {
    made(|out| unsafe { sys::napi_create_int32(env, value, out) })
}

fn number(env: sys::napi_env, value: f64) -> sys::napi_value {
    made(|out| unsafe { sys::napi_create_double(env, value, out) })
}

fn boolean(env: sys::napi_env, value: bool) -> sys::napi_value {
    made(|out| unsafe { sys::napi_get_boolean(env, value, out) })
}

type Getter = unsafe extern "C" fn(sys::napi_env, *mut sys::napi_value) -> sys::napi_status;

fn constant(env: sys::napi_env, getter: Getter) -> sys::napi_value {
    made(|out| unsafe { getter(env, out) })
}

fn text(env: sys::napi_env, bytes: &[u8], is_ascii: bool) -> sys::napi_value {
    let (at, len) = (bytes.as_ptr().cast(), bytes.len() as isize);
    made(|out| unsafe {
        if is_ascii {
            sys::napi_create_string_latin1(env, at, len, out)
        } else {
            sys::napi_create_string_utf8(env, at, len, out)
        }
    })
}

fn array(env: sys::napi_env, len: usize) -> sys::napi_value {
    made(|out| unsafe { sys::napi_create_array_with_length(env, len, out) })
}

fn set(env: sys::napi_env, array: sys::napi_value, at: usize, item: sys::napi_value) {
    unsafe { sys::napi_set_element(env, array, at as u32, item) };
}

fn element(env: sys::napi_env, array: sys::napi_value, at: u32) -> sys::napi_value {
    made(|out| unsafe { sys::napi_get_element(env, array, at, out) })
}

fn length(env: sys::napi_env, array: sys::napi_value) -> u32 {
    let mut len = 0;
    unsafe { sys::napi_get_array_length(env, array, &mut len) };
    len
}

fn double(env: sys::napi_env, value: sys::napi_value) -> f64 {
    let mut number = 0.0;
    unsafe { sys::napi_get_value_double(env, value, &mut number) };
    number
}

fn pinned(env: sys::napi_env, value: sys::napi_value) -> Pinned {
    let (mut kind, mut len, mut data) = (0, 0, null_mut::<c_void>());
    let mut reference = null_mut();
    unsafe {
        sys::napi_get_typedarray_info(
            env,
            value,
            &mut kind,
            &mut len,
            &mut data,
            null_mut(),
            null_mut(),
        );
        sys::napi_create_reference(env, value, 1, &mut reference);
    }
    Pinned(data.cast(), len)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn napi_register_module_v1(
    env: sys::napi_env,
    exports: sys::napi_value,
) -> sys::napi_value {
    let functions: [(&CStr, sys::napi_callback); 3] = [
        (c"init", Some(init)),
        (c"decode", Some(decode)),
        (c"encode", Some(encode)),
    ];
    for (name, function) in functions {
        let len = name.to_bytes().len() as isize;
        let function = made(|out| unsafe {
            sys::napi_create_function(env, name.as_ptr(), len, function, null_mut(), out)
        });
        unsafe { sys::napi_set_named_property(env, exports, name.as_ptr(), function) };
    }
    exports
}
