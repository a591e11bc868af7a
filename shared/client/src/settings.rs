//! TLS as programs of Kith are told of it, for the services that they call.

use std::path::PathBuf;

use kith_settings::{Reader, Setting, Topic};

use crate::{ClientError, TlsFiles};

const CA_FILE: Setting = Setting::new(
    "server-ca-file",
    "authorities in PEM that vouch for services at https:// addresses; by default those of the operating system",
)
.value("a path");
const CERTIFICATE_FILE: Setting = Setting::new(
    "client-certificate-file",
    "certificate in PEM to show to services that are called, and those between it and its authority",
)
.value("a path");
const KEY_FILE: Setting =
    Setting::new("client-key-file", "private key of that certificate in PEM").value("a path");

impl Topic for TlsFiles {
    fn settings() -> Vec<&'static Setting> {
        vec![&CA_FILE, &CERTIFICATE_FILE, &KEY_FILE]
    }

    /// Reads and checks the files.
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let files = Self::named(reader)?;
        match files.check() {
            Ok(()) => Some(files),
            Err(error) => {
                let problem = kith_primitives::chain(&error);
                reader.mistake(files.setting_of(error), problem);
                None
            }
        }
    }
}

impl TlsFiles {
    /// The files that are named, whatever is in them.
    pub fn named(reader: &mut Reader<'_>) -> Option<Self> {
        let ca = reader.optional(&CA_FILE, Reader::path);
        let certificate = reader.optional(&CERTIFICATE_FILE, Reader::path);
        let key = reader.optional(&KEY_FILE, Reader::path);
        Some(Self {
            ca: ca?,
            certificate: certificate?,
            key: key?,
        })
    }

    /// The setting that has to change.
    fn setting_of(&self, error: ClientError) -> &'static Setting {
        let is = |file: &PathBuf, of: &Option<PathBuf>| of.as_ref() == Some(file);
        match error {
            ClientError::File { file, .. } if is(&file, &self.ca) => &CA_FILE,
            ClientError::File { file, .. } if is(&file, &self.key) => &KEY_FILE,
            ClientError::HalfIdentity if self.key.is_none() => &KEY_FILE,
            _ => &CERTIFICATE_FILE,
        }
    }
}
