use kith_contracts::identity::v1::{
    Account, AuditEvent, AuditEventType, Profile, ServiceAccount, Session, SigningKey, SigningKeyState, User,
};
use kith_primitives::{Etag, SessionId, UserCaller};
use kith_rpc::timestamp;

use crate::domain::{KeyState, KnownKey};
use crate::store::{AccountRow, AuditEventRow, ProfileRow, ServiceAccountRow, SessionRow, UserRow};

pub(super) fn user(row: UserRow) -> User {
    User {
        id: row.id,
        username: row.username,
        first_name: row.first_name,
        last_name: row.last_name,
        date_joined: Some(timestamp(row.date_joined)),
        is_active: row.is_active,
    }
}

pub(super) fn account(row: AccountRow) -> Account {
    Account {
        user: Some(user(row.user)),
        email: row.email.unwrap_or_default(),
        update_time: Some(timestamp(row.updated_at)),
        etag: Etag::of_version(row.version).to_wire(),
    }
}

pub(super) fn profile(row: ProfileRow) -> Profile {
    Profile {
        user_id: row.user_id,
        bio: Some(row.bio),
        avatar_url: Some(row.avatar_url),
        location: Some(row.location),
        website_url: Some(row.website_url),
        create_time: Some(timestamp(row.created_at)),
        update_time: Some(timestamp(row.updated_at)),
        etag: Etag::of_version(row.version).to_wire(),
    }
}

pub(super) fn session(row: SessionRow, current: Option<SessionId>) -> Session {
    Session {
        id: row.id,
        device_label: row.device_label,
        address: row.address,
        create_time: Some(timestamp(row.created_at)),
        refresh_time: Some(timestamp(row.refreshed_at)),
        expire_time: Some(timestamp(row.expires_at)),
        current: current == Some(SessionId::from_database(row.id)),
    }
}

pub(super) fn service_account(row: ServiceAccountRow) -> ServiceAccount {
    ServiceAccount {
        id: row.id,
        name: row.name,
        scopes: row.scopes,
        create_time: Some(timestamp(row.created_at)),
        secret_update_time: Some(timestamp(row.secret_updated_at)),
        revoke_time: row.revoked_at.map(timestamp),
    }
}

/// Those that are trusted: what was removed is shown to nobody.
pub(super) fn signing_keys(keys: Vec<KnownKey>) -> Vec<SigningKey> {
    keys.into_iter().filter_map(signing_key).collect()
}

fn signing_key(key: KnownKey) -> Option<SigningKey> {
    let state = match key.state() {
        KeyState::Published => SigningKeyState::Published,
        KeyState::Active => SigningKeyState::Active,
        KeyState::Retired => SigningKeyState::Retired,
        KeyState::Removed => return None,
    };
    Some(SigningKey {
        key_id: key.key_id,
        algorithm: "EdDSA".to_owned(),
        public_key: key.public_key,
        state: state.into(),
        publish_time: Some(timestamp(key.published_at)),
        activate_time: key.activated_at.map(timestamp),
        retire_time: key.retired_at.map(timestamp),
    })
}

pub(super) fn audit_event(row: AuditEventRow) -> AuditEvent {
    let name = format!("AUDIT_EVENT_TYPE_{}", row.event_type);
    AuditEvent {
        id: row.id,
        // A later build may have written what this one has no word for.
        r#type: AuditEventType::from_str_name(&name).unwrap_or_default().into(),
        actor: row.actor,
        service: row.service,
        subject: row.subject,
        address: row.address,
        request_id: row.request_id,
        count: row.count,
        create_time: Some(timestamp(row.created_at)),
        update_time: Some(timestamp(row.updated_at)),
    }
}

/// The session of a caller's access token; `None` for a token that belongs to none, as `kith token` signs them.
pub(super) fn current_session(caller: &UserCaller) -> Option<SessionId> {
    caller.session_id.parse().ok().map(SessionId::from_database)
}
