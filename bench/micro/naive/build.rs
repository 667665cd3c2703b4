//! Linker flags of a Node-API addon (only macOS needs one).

fn main() {
    napi_build::setup();
}
