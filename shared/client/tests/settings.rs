//! The files of TLS, as programs are told of them.

use std::fs;

use kith_client::TlsFiles;
use kith_settings::{Environment, Program, SettingsError, load};

fn read(environment: &Environment) -> Result<TlsFiles, SettingsError> {
    let program = Program {
        name: "kith-test",
        version: "0",
        about: "a test",
    };
    load(&program, ["kith-test".into()], environment)
}

#[test]
fn none_need_be_named() {
    assert_eq!(read(&Environment::from([])).ok(), Some(TlsFiles::default()));
}

// Control: `read` without `check`; the mistakes came out when the service had started.
#[test]
fn files_that_cannot_be_used_are_mistakes_of_their_settings() {
    let key = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    let file = std::env::temp_dir().join(format!("kith-client-{}-key.pem", std::process::id()));
    fs::write(&file, key).expect("a file");
    let path = file.to_str().expect("UTF-8");
    let mistakes = |variables| {
        read(&Environment::from(variables))
            .expect_err("mistakes")
            .to_string()
    };
    for (variables, part) in [
        (
            [("KITH_SERVER_CA_FILE", "/nowhere")],
            "KITH_SERVER_CA_FILE: cannot use /nowhere: ",
        ),
        (
            [("KITH_SERVER_CA_FILE", path)],
            "KITH_SERVER_CA_FILE: cannot use ",
        ),
        (
            [("KITH_CLIENT_CERTIFICATE_FILE", path)],
            "KITH_CLIENT_KEY_FILE: a client certificate and its key",
        ),
        (
            [("KITH_CLIENT_KEY_FILE", path)],
            "KITH_CLIENT_CERTIFICATE_FILE: a client certificate and its key",
        ),
    ] {
        let told = mistakes(variables);
        assert!(told.contains(part), "{part}\n{told}");
    }
    fs::remove_file(file).expect("its end");
}
