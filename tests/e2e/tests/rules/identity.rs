//! The rules of schema `identity`.

use kith_contracts::identity::v1::*;
use prost::Message;
use prost_reflect::Value;

use super::{Break, IDENTITY, TAKEN, long, long_url, nothing};
use crate::raw::{dynamic, method};

pub(super) fn breaks() -> Vec<Break> {
    vec![
        register("identity_users_username_required", "username", ""),
        register("identity_users_username_length", "username", &"a".repeat(151)),
        register("identity_users_username_characters", "username", "a b"),
        register("identity_users_username_key", "username", &TAKEN.0.to_uppercase()),
        register(
            "identity_users_email_length",
            "email",
            &format!("{}@b", long(253)),
        ),
        register("identity_users_email_format", "email", "nobody"),
        register("identity_users_email_key", "email", &TAKEN.1.to_uppercase()),
        register("identity_users_first_name_length", "first_name", &long(151)),
        register("identity_users_last_name_length", "last_name", &long(151)),
        profile("identity_profiles_bio_length", "bio", long(501)),
        profile("identity_profiles_avatar_url_length", "avatar_url", long_url(501)),
        profile(
            "identity_profiles_avatar_url_scheme",
            "avatar_url",
            "ftp://example.org".to_owned(),
        ),
        profile("identity_profiles_location_length", "location", long(101)),
        profile(
            "identity_profiles_website_url_length",
            "website_url",
            long_url(201),
        ),
        profile(
            "identity_profiles_website_url_scheme",
            "website_url",
            "example.org".to_owned(),
        ),
        device_label("identity_sessions_device_label_length", long(101)),
        service_account("identity_service_accounts_name_required", String::new(), 0),
        service_account("identity_service_accounts_name_length", "a".repeat(101), 0),
        service_account("identity_service_accounts_name_characters", "A".to_owned(), 0),
        service_account("identity_service_accounts_name_key", TAKEN.0.to_owned(), 0),
        service_account("identity_service_accounts_scopes_count", "new".to_owned(), 51),
    ]
}

/// A rule of `identity.users`, broken by one value in a registration.
fn register(constraint: &'static str, field: &'static str, value: &str) -> Break {
    let request = RegisterRequest {
        username: "ada".to_owned(),
        password: "correct horse".to_owned(),
        ..Default::default()
    };
    let request = with_text(
        &format!("{IDENTITY}/Register"),
        &request.encode_to_vec(),
        field,
        value,
    );
    let sql = if field == "username" {
        format!("INSERT INTO identity.users (username) VALUES ('{value}')")
    } else {
        format!("INSERT INTO identity.users (username, {field}) VALUES ('ada', '{value}')")
    };
    Break {
        constraint,
        method: "Register",
        before: nothing(),
        request: Box::new(move |_| request.clone()),
        sql: Box::new(move |_| sql.clone()),
    }
}

/// A rule of `identity.profiles`, broken by one value in an update.
fn profile(constraint: &'static str, field: &'static str, value: String) -> Break {
    let text = value.clone();
    Break {
        constraint,
        method: "UpdateProfile",
        before: nothing(),
        request: Box::new(move |world| {
            let profile = Profile {
                user_id: world.owner.id,
                ..Default::default()
            };
            let request = UpdateProfileRequest {
                profile: Some(profile),
                update_mask: None,
            }
            .encode_to_vec();
            let mut request = dynamic(&method(&format!("{IDENTITY}/UpdateProfile")), &request);
            let profile = request
                .get_field_by_name_mut("profile")
                .and_then(Value::as_message_mut);
            profile
                .expect("a profile")
                .set_field_by_name(field, Value::String(text.clone()));
            request.encode_to_vec()
        }),
        sql: Box::new(move |world| {
            format!(
                "UPDATE identity.profiles SET {field} = '{value}' WHERE user_id = {}",
                world.owner.id
            )
        }),
    }
}

/// A rule of `identity.sessions`, broken by the label of a sign-in.
fn device_label(constraint: &'static str, label: String) -> Break {
    let device_label = label.clone();
    Break {
        constraint,
        method: "Authenticate",
        before: nothing(),
        request: Box::new(move |world| {
            let username = world.owner.username.clone();
            AuthenticateRequest {
                identifier: Some(authenticate_request::Identifier::Username(username)),
                password: "correct horse".to_owned(),
                device_label: device_label.clone(),
            }
            .encode_to_vec()
        }),
        sql: Box::new(move |world| {
            let user = world.owner.id;
            format!(
                "INSERT INTO identity.sessions (user_id, device_label, expires_at) VALUES ({user}, '{label}', now())"
            )
        }),
    }
}

/// A rule of `identity.service_accounts`, broken by the creation of one.
fn service_account(constraint: &'static str, name: String, scopes: usize) -> Break {
    let sql = format!(
        "INSERT INTO identity.service_accounts (name, scopes, secret_hash)
        VALUES ('{name}', array_fill('identity.users.import'::text, '{{{scopes}}}'), sha256(''))"
    );
    let request = CreateServiceAccountRequest {
        name,
        scopes: vec!["identity.users.import".to_owned(); scopes],
    };
    Break {
        constraint,
        method: "CreateServiceAccount",
        before: nothing(),
        request: Box::new(move |_| request.encode_to_vec()),
        sql: Box::new(move |_| sql.clone()),
    }
}

fn with_text(rpc: &str, request: &[u8], field: &str, value: &str) -> Vec<u8> {
    let mut request = dynamic(&method(rpc), request);
    request.set_field_by_name(field, Value::String(value.to_owned()));
    request.encode_to_vec()
}
