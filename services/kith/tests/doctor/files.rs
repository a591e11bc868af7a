//! Keys and certificates.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use kith_tokens::SigningKey;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use secrecy::ExposeSecret;

use super::scene::{Said, doctor, in_shell};
use crate::support::{Scratch, path, run_command};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The files of a server, and of who vouches for it.
struct Files {
    scratch: Scratch,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Files {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"));
        let files = Self {
            scratch: Scratch::new("certificates"),
            authority: authority.expect("an authority"),
        };
        files.scratch.file("ca.crt", &files.authority.pem());
        files
    }

    /// Another certificate, for `name`, good between these times as seen from now.
    fn issue(&self, name: &str, begin: (bool, Duration), end: (bool, Duration)) -> &Self {
        let at = |(is_past, distance): (bool, Duration)| {
            let now = SystemTime::now();
            if is_past { now - distance } else { now + distance }
        };
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        // Not that of its authority, which is one that all have by default.
        params.distinguished_name.push(DnType::CommonName, name);
        (params.not_before, params.not_after) = (at(begin).into(), at(end).into());
        let certificate = params.signed_by(&key, &self.authority).expect("a certificate");
        self.scratch.file("tls.crt", &certificate.pem());
        self.scratch.file("tls.key", &key.serialize_pem());
        self
    }

    /// One that is good.
    fn issue_good(&self, name: &str) -> &Self {
        self.issue(name, (true, DAY), (false, 90 * DAY))
    }

    fn command(&self) -> Command {
        let mut command = doctor();
        command
            .env("KITH_TLS_CERTIFICATE_FILE", self.file("tls.crt"))
            .env("KITH_TLS_KEY_FILE", self.file("tls.key"));
        command
    }

    fn said(&self) -> Said {
        Said::by(&mut self.command())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }
}

const SERVER: &str = "server certificate";

#[test]
fn a_certificate_that_expired_is_named_until_there_is_another() {
    let files = Files::new();
    files.issue("kith.test", (true, 2 * DAY), (true, DAY));
    let said = files.said();
    let seen = said.seen(SERVER, "problem");
    assert!(
        seen.contains(path(&files.file("tls.crt"))) && seen.contains("expired at "),
        "{seen}"
    );
    let fix = said.fix(SERVER, "advice");
    assert!(fix.contains(path(&files.file("tls.key"))), "{fix}");
    let said = files.issue_good("kith.test").said();
    let seen = said.seen(SERVER, "ok");
    assert!(seen.ends_with(", for kith.test"), "{seen}");
}

#[test]
fn a_certificate_that_expires_soon_is_a_warning_and_one_of_tomorrow_a_problem() {
    let files = Files::new();
    let said = files.issue("kith.test", (true, DAY), (false, 29 * DAY)).said();
    let seen = said.seen(SERVER, "warning");
    assert!(seen.ends_with("in 28 days"), "{seen}");
    assert_eq!(
        files
            .issue("kith.test", (true, DAY), (false, 31 * DAY))
            .said()
            .state(SERVER),
        "ok"
    );
    let said = files.issue("kith.test", (false, DAY), (false, 90 * DAY)).said();
    let seen = said.seen(SERVER, "problem");
    assert!(seen.contains("is not good before "), "{seen}");
}

// Control: only the first certificate of each file was looked at, and KITH_TLS_CLIENT_CA_FILE not at all.
#[test]
fn every_certificate_of_a_file_is_judged_and_authorities_are_no_more_than_a_warning() {
    let (files, old) = (Files::new(), Files::new());
    old.issue("old.test", (true, 2 * DAY), (true, DAY));
    files.issue_good("kith.test");
    let read = |files: &Files, name: &str| fs::read_to_string(files.file(name)).expect("a file");
    let own = read(&files, "tls.crt");
    // What has expired stands second: between the server's and its authority.
    let both = own.clone() + &read(&old, "tls.crt");
    files.scratch.file("tls.crt", &both);
    let said = files.said();
    let seen = said.seen(SERVER, "problem");
    assert!(
        seen.starts_with("certificate 2 of ") && seen.contains("expired at "),
        "{seen}"
    );
    files.scratch.file("tls.crt", &own);

    let authorities = files.scratch.file(
        "authorities.crt",
        &(read(&files, "ca.crt") + &read(&old, "tls.crt")),
    );
    let mut command = files.command();
    command
        .env("KITH_TLS_CLIENT_CA_FILE", &authorities)
        .env("KITH_SERVER_CA_FILE", &authorities);
    let said = Said::by(&mut command);
    for check in ["authorities of clients", "trusted authorities"] {
        let seen = said.seen(check, "warning");
        assert!(
            seen.starts_with("certificate 2 of ") && seen.contains("expired at "),
            "{seen}"
        );
    }
    assert_eq!(said.state(SERVER), "ok");
    files.scratch.file("authorities.crt", &read(&files, "ca.crt"));
    let said = Said::by(&mut command);
    assert_eq!(said.state("authorities of clients"), "ok");
    files.scratch.file("authorities.crt", "");
    let said = Said::by(&mut command);
    assert!(
        said.fix(SERVER, "advice").contains("whose clients are let in"),
        "{said:#?}"
    );
}

#[test]
fn a_key_of_another_certificate_and_a_file_that_is_none_are_named() {
    let files = Files::new();
    let key = KeyPair::generate().expect("a key").serialize_pem();
    files.issue_good("kith.test");
    files.scratch.file("tls.key", &key);
    let said = files.said();
    assert!(
        said.seen(SERVER, "problem")
            .contains("another key than that of the certificate")
    );
    fs::remove_file(files.file("tls.key")).expect("to remove it");
    let said = files.said();
    assert!(said.seen(SERVER, "problem").contains("cannot be read"));
}

#[test]
fn an_authority_that_does_not_vouch_for_the_server_is_named() {
    let (files, others) = (Files::new(), Files::new());
    files.issue_good("identity.test");
    let key = SigningKey::generate().expect("a key").to_pem();
    let said = |authority: &Files, host: &str| {
        let mut command = files.command();
        command
            .env("KITH_SERVER_CA_FILE", authority.file("ca.crt"))
            .env("KITH_IDENTITY_URL", format!("https://{host}:1"))
            .env("KITH_SIGNING_KEY", key.expose_secret());
        Said::by(&mut command)
    };
    let check = "server's authority";
    assert_eq!(said(&files, "identity.test").state(check), "ok");
    assert!(
        said(&files, "elsewhere.test")
            .seen(check, "problem")
            .contains("elsewhere.test")
    );
    let unknown = said(&others, "identity.test");
    assert!(
        unknown
            .seen(check, "problem")
            .contains("refuse the server: invalid peer certificate")
    );
    // Nobody is there, which is no more than a warning: services wait for it.
    assert_eq!(unknown.state("identity"), "warning");
}

#[test]
fn a_clients_certificate_without_its_key_is_named() {
    let files = Files::new();
    files.issue_good("kith.test");
    let mut command = doctor();
    command.env("KITH_CLIENT_CERTIFICATE_FILE", files.file("tls.crt"));
    let said = Said::by(&mut command);
    assert!(
        said.fix("client certificate", "advice")
            .contains("KITH_CLIENT_KEY_FILE")
    );
    command.env("KITH_CLIENT_KEY_FILE", files.file("tls.key"));
    assert_eq!(Said::by(&mut command).state("client certificate"), "ok");
}

#[test]
fn signing_keys_that_are_no_keys_are_named() {
    let scratch = Scratch::new("no-keys");
    let rsa = "-----BEGIN PRIVATE KEY-----\nMEECAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcEJzAlAgEBBCDh\n-----END PRIVATE KEY-----";
    for text in ["nonsense", rsa] {
        let file = scratch.file("keys.pem", text);
        let mut command = doctor();
        command
            .current_dir(scratch.join(""))
            .env("KITH_SIGNING_KEY_FILE", &file);
        let said = Said::by(&mut command);
        assert!(
            said.seen("signing keys", "problem").contains("keys.pem: "),
            "{said:#?}"
        );
        let fix = said.fix("signing keys", "command").to_owned();
        let new = scratch.join("new-signing-key.pem");
        command.env("KITH_SIGNING_KEY_FILE", &new);
        let again = || {
            let mut again = in_shell(&fix, &command);
            again.current_dir(scratch.join(""));
            again
        };
        let said = Said::by(&mut again());
        assert_eq!(said.state("signing keys"), "ok", "{said:#?}");
        let key = fs::read(&new).expect("a key");
        assert_eq!(
            fs::metadata(&new).expect("its mode").permissions().mode() & 0o777,
            0o600
        );
        // A key that is there is never lost by it. Control: without `set -C` it was another key.
        assert_ne!(run_command(&mut again()).code, Some(0));
        assert_eq!(fs::read(&new).expect("a key"), key);
        fs::remove_file(&new).expect("to remove it");
    }
    let empty = scratch.file("empty.pem", "");
    for (file, seen) in [(empty, "is empty"), (scratch.join("none"), "cannot read ")] {
        let said = Said::by(doctor().env("KITH_SIGNING_KEY_FILE", file));
        assert!(said.seen("signing keys", "problem").contains(seen), "{said:#?}");
        let fix = said.fix("signing keys", "advice");
        assert!(fix.contains("that identity's user may read"), "{fix}");
    }
}

#[test]
fn signing_keys_of_a_data_directory_are_for_kith_up_to_make() {
    let scratch = Scratch::new("keys-of-up");
    fs::create_dir(scratch.join("data")).expect("a directory");
    let file = scratch.file("data/signing-key.pem", "nonsense");
    let said = Said::by(doctor().env("KITH_DATA_DIRECTORY", scratch.join("data")));
    let seen = said.seen("signing keys", "problem");
    assert!(seen.starts_with(path(&file)), "{seen}");
    let fix = said.fix("signing keys", "advice");
    assert!(
        fix.starts_with("put the keys back there") && fix.ends_with("kith up makes another key"),
        "{fix}"
    );
}

#[test]
fn signing_keys_that_everybody_may_read_are_told_and_the_command_ends_it() {
    let scratch = Scratch::new("open-keys");
    let key = SigningKey::generate().expect("a key").to_pem();
    let file = scratch.file("the keys.pem", key.expose_secret());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("its mode");
    let mut command = doctor();
    command.env("KITH_SIGNING_KEY_FILE", &file);
    let said = Said::by(&mut command);
    assert!(said.seen("signing keys", "warning").contains("(mode 644)"));
    let said = Said::by(&mut in_shell(said.fix("signing keys", "command"), &command));
    assert_eq!(said.state("signing keys"), "ok");
}
