//! Where no OpenSSL is in the process, which is so for these tests: the error says what is missing.

use rpyc_net::{Settings, TlsContext, Verify};

#[test]
fn a_process_without_openssl_is_told_so() {
    let settings = Settings {
        server: false,
        cert: "",
        key: "",
        passphrase: "",
        ca: "",
        ciphers: "",
        suites: "",
        min_version: 0x0303,
        verify: Verify::Required,
        partial_chain: false,
    };
    let failure = TlsContext::new(&settings).expect_err("libssl is not linked");
    assert_eq!(
        failure.text,
        "no OpenSSL in this process: TLS_client_method is missing"
    );
    assert_eq!(
        failure.to_string(),
        "0 0 0 no OpenSSL in this process: TLS_client_method is missing"
    );
}
