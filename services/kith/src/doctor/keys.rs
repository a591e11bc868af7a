//! The keys that sign tokens: whether they are good, and whether the one that signs is among them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Text};
use diesel_async::RunQueryDsl;
use kith_postgres::Connection;
use kith_schema::Role;
use kith_tokens::SigningKeys;
use secrecy::{ExposeSecret, SecretString};

use super::finding::{Finding, Fix};
use super::session::{Session, Who};

const CHECK: &str = "signing keys";
const ACTIVE: &str = "active signing key";

/// Makes a key, readable by nobody else, and never in the place of another file: what signs would be lost.
const NEW: &str = "(umask 077; set -C; kith admin signing-keys new --print > new-signing-key.pem)";
const THEN: &str =
    "name that file in KITH_SIGNING_KEY_FILE (for a kith up instead: kith admin signing-keys new)";

/// Who has the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeper {
    /// Whoever runs identity, and names them in its settings.
    Settings,
    /// The data directory of a `kith up`, which makes the first.
    DataDirectory,
}

/// Keys as they are given, or why they cannot be read.
pub(super) type Given<'a> = &'a Result<SecretString, String>;

/// Whether the keys can be used; and the keys, if they can.
pub(super) fn examine(
    given: Given<'_>,
    file: Option<&Path>,
    keeper: Keeper,
) -> (Vec<Finding>, Option<SigningKeys>) {
    let problem = |seen: String, fix: Fix| {
        let finding = Finding::problem(CHECK, seen)
            .why("identity does not start without them")
            .fix(fix);
        (vec![finding], None)
    };
    let of_directory = "put the keys back there, for the user that kith runs as to read; only if they are lost for good, \
        move that file away, and kith up makes another key";
    let text = match (given, keeper) {
        (Ok(text), _) => text,
        (Err(error), Keeper::DataDirectory) => return problem(error.clone(), Fix::advice(of_directory)),
        (Err(error), Keeper::Settings) => {
            let fix = "name a file with the keys in KITH_SIGNING_KEY_FILE that identity's user may read";
            return problem(error.clone(), Fix::advice(fix));
        }
    };
    let place = file.map_or_else(
        || "KITH_SIGNING_KEY".to_owned(),
        |file| file.display().to_string(),
    );
    match SigningKeys::from_pem(text.expose_secret()) {
        Ok(keys) => {
            let ids: Vec<_> = keys.iter().map(|key| key.key_id().to_owned()).collect();
            let mut findings = vec![Finding::ok(CHECK, format!("{place} holds {}", ids.join(", ")))];
            findings.extend(file.and_then(privacy));
            (findings, Some(keys))
        }
        Err(error) => {
            let fix = match keeper {
                Keeper::Settings => Fix::command(NEW).then(THEN),
                Keeper::DataDirectory => Fix::advice(of_directory),
            };
            problem(format!("{place}: {error}"), fix)
        }
    }
}

/// Whoever reads the keys can make tokens of anybody.
fn privacy(file: &Path) -> Option<Finding> {
    let mode = fs::metadata(file).ok()?.permissions().mode();
    if mode & 0o007 == 0 {
        return None;
    }
    let finding = Finding::warning(
        CHECK,
        format!(
            "every user of this machine has access to {} (mode {:03o})",
            file.display(),
            mode & 0o777
        ),
    );
    let command = format!("chmod o= {}", crate::command_line::quote(file));
    Some(
        finding
            .why("who reads them can make tokens of anybody")
            .fix(Fix::command(command)),
    )
}

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = Text)]
    key_id: String,
    #[diesel(sql_type = Bool)]
    is_removed: bool,
    #[diesel(sql_type = Bool)]
    is_active: bool,
}

const KNOWN: &str = "SELECT key_id, removed_at IS NOT NULL AS is_removed,
    removed_at IS NULL AND retired_at IS NULL AND activated_at IS NOT NULL AS is_active
    FROM identity.signing_keys";

/// Whether the key that the database has as the active one is among `keys`. Only some sessions may ask.
pub(super) async fn active(session: &mut Session, keys: &SigningKeys) -> Option<Finding> {
    if !matches!(session.who, Who::Owner | Who::Service(Role::Identity)) {
        return None;
    }
    let asked = session
        .ask(async |conn: &mut Connection| diesel::sql_query(KNOWN).load::<Known>(conn).await)
        .await;
    Some(match asked {
        Ok(known) => judge(&known, keys),
        Err(because) => Finding::unchecked(ACTIVE, because),
    })
}

fn judge(known: &[Known], keys: &SigningKeys) -> Finding {
    let is_removed = |key_id: &str| {
        known
            .iter()
            .any(|known| known.is_removed && known.key_id == key_id)
    };
    match known.iter().find(|known| known.is_active) {
        Some(active) if keys.find(&active.key_id).is_some() => {
            Finding::ok(ACTIVE, format!("{} is here", active.key_id))
        }
        Some(active) => {
            let key_id = &active.key_id;
            Finding::problem(ACTIVE, format!("{key_id} is not among the keys that are given"))
                .why("nobody can sign in, and identity says NOT_SERVING")
                .fix(Fix::advice(format!(
                    "mount that key beside those that are given; only if it is lost for good, end the trust in it for ever, \
                     as the owner: UPDATE identity.signing_keys SET removed_at = now() WHERE key_id = '{key_id}';"
                )))
        }
        None if keys.iter().all(|key| is_removed(key.key_id())) => {
            Finding::problem(ACTIVE, "there is none, and all that are given have been removed")
                .why("nobody can sign in, and identity says NOT_SERVING")
                .fix(Fix::command(NEW).then(THEN))
        }
        None => Finding::ok(
            ACTIVE,
            "there is none yet; identity makes it the first that is given",
        ),
    }
}
