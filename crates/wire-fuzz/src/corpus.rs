//! Writes the captured frames of real RPyC as corpora: frames, payloads and values as they are; and the connections of libzmq.

use rpyc_wire_fuzz::{support::fixtures, zmtp};
use std::path::Path;

fn main() -> std::io::Result<()> {
    let document = fixtures::load();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let write = |target: &str, number: usize, bytes: &[u8]| {
        let folder = root.join(target);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("fixture-{number}")), bytes)
    };
    let mut number = 0;
    for frame in fixtures::connections(&document)
        .into_iter()
        .flat_map(|connection| connection.frames)
    {
        number += 1;
        if number % 5 == 0 || frame.compressed {
            write("frame", number, &frame.bytes)?;
            write("message", number, &frame.payload)?;
        }
        if frame.compressed {
            // The target takes its bound from the first byte.
            write(
                "inflate",
                number,
                &[b"\xff", &frame.bytes[5..frame.bytes.len() - 1]].concat(),
            )?;
        }
    }
    let taped = zmtp::fixtures::connections(&zmtp::fixtures::load());
    for (number, connection) in taped.into_iter().enumerate() {
        let (connecter, binder) = (connection.connecter, connection.binder);
        for (number, ours, theirs) in [
            (2 * number, &connecter, &binder),
            (2 * number + 1, &binder, &connecter),
        ] {
            // The target takes the type and the length of pieces from the first bytes.
            write(
                "zmtp",
                number,
                &[&[ours.socket_type as u8, 30], &theirs.wrote[..]].concat(),
            )?;
        }
    }
    for (number, value) in fixtures::list(&document["values"]).iter().enumerate() {
        write("brine", number, &fixtures::bytes(&value["hex"]))?;
    }
    Ok(())
}
