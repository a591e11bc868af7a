//! `http://` to other machines.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use kith_client::channel;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is logged when a channel to `address` is built.
fn logged(address: &str) -> String {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || channel(address)).expect("an address");
    let bytes = lines.0.lock().expect("no panic").clone();
    String::from_utf8(bytes).expect("UTF-8")
}

// Control: `build` without its look at the address; nothing was logged.
#[test]
fn plaintext_to_another_machine_is_warned_of() {
    let told = logged("http://identity.example.com:50051");
    assert!(
        told.contains("WARN") && told.contains("identity.example.com:50051"),
        "{told}"
    );
    assert_eq!(logged("http://127.0.0.1:50051"), "");
    assert_eq!(logged("http://localhost:50051"), "");
}
