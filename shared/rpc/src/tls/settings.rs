//! TLS as it is asked for.

use kith_settings::{Reader, Setting};

use super::{TlsFiles, TlsPart};

const CERTIFICATE_FILE: Setting = Setting::new(
    "tls-certificate-file",
    "certificate of the server in PEM, and those between it and its authority; may change while the server runs",
)
.value("a path");
const KEY_FILE: Setting =
    Setting::new("tls-key-file", "private key of that certificate in PEM").value("a path");
const CLIENT_CA_FILE: Setting = Setting::new(
    "tls-client-ca-file",
    "authorities in PEM whose clients are let in; without it, clients need no certificate",
)
.value("a path");

impl TlsFiles {
    /// The settings that name them.
    pub fn settings() -> Vec<&'static Setting> {
        vec![&CERTIFICATE_FILE, &KEY_FILE, &CLIENT_CA_FILE]
    }

    /// The files that are named, whatever is in them: `Some(None)` for plaintext, `None` for a mistake that the reader has
    /// noted.
    pub fn named(reader: &mut Reader<'_>) -> Option<Option<Self>> {
        named(reader)
    }
}

/// Reads and checks the files: `Some(None)` for plaintext.
pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Option<TlsFiles>> {
    let Some(files) = TlsFiles::named(reader)? else {
        return Some(None);
    };
    if let Err(error) = files.check() {
        let setting = match error.part {
            TlsPart::Certificate => &CERTIFICATE_FILE,
            TlsPart::Key => &KEY_FILE,
            TlsPart::ClientCa => &CLIENT_CA_FILE,
        };
        reader.mistake(setting, error.to_string());
        return None;
    }
    Some(Some(files))
}

fn named(reader: &mut Reader<'_>) -> Option<Option<TlsFiles>> {
    let certificate = reader.optional(&CERTIFICATE_FILE, Reader::path);
    let key = reader.optional(&KEY_FILE, Reader::path);
    let client_ca = reader.optional(&CLIENT_CA_FILE, Reader::path);
    let (certificate, key, client_ca) = (certificate?, key?, client_ca?);
    let (certificate, key) = match (certificate, key, &client_ca) {
        (Some(certificate), Some(key), _) => (certificate, key),
        (None, None, None) => return Some(None),
        (None, _, _) => return missing(reader, &CERTIFICATE_FILE),
        (_, None, _) => return missing(reader, &KEY_FILE),
    };
    Some(Some(TlsFiles {
        certificate,
        key,
        client_ca,
    }))
}

fn missing<T>(reader: &mut Reader<'_>, setting: &'static Setting) -> Option<T> {
    reader.mistake(setting, "is required where another file of TLS is given");
    None
}
