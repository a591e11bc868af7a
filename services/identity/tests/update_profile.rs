use kith_contracts::identity::v1::{GetProfileRequest, Profile, UpdateProfileRequest, UpdateProfileResponse};
use kith_testkit::{Refusal, TestApp, TestUser};
use prost_types::FieldMask;
use tokio::task::JoinSet;
use tonic::{Response, Status};

use crate::support::{answer, refusal, through, wide};

type Called = Result<Response<UpdateProfileResponse>, Status>;

fn mask(paths: &[&str]) -> Option<FieldMask> {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    Some(FieldMask { paths })
}

async fn call(app: &TestApp, caller: &TestUser, profile: Profile, update_mask: Option<FieldMask>) -> Called {
    let request = UpdateProfileRequest {
        profile: Some(profile),
        update_mask,
    };
    app.identity(caller).update_profile(request).await
}

async fn update(app: &TestApp, user: &TestUser, profile: Profile, mask: Option<FieldMask>) -> Profile {
    answer(call(app, user, profile, mask).await)
        .profile
        .expect("a profile")
}

async fn refused(app: &TestApp, user: &TestUser, profile: Profile, mask: Option<FieldMask>) -> Refusal {
    refusal(call(app, user, profile, mask).await)
}

async fn read(app: &TestApp, user: &TestUser) -> Profile {
    let request = GetProfileRequest { user_id: user.id };
    let answer = answer(app.identity(user).get_profile(request).await);
    answer.profile.expect("a profile")
}

/// Names the user and sets nothing.
fn of(user: &TestUser) -> Profile {
    Profile {
        user_id: user.id,
        ..Default::default()
    }
}

/// Sets every field.
fn full(user: &TestUser) -> Profile {
    Profile {
        bio: Some("a bio".to_owned()),
        avatar_url: Some("https://example.org/a.png".to_owned()),
        location: Some("a place".to_owned()),
        website_url: Some("http://example.org".to_owned()),
        ..of(user)
    }
}

fn with_bio(user: &TestUser, bio: &str) -> Profile {
    Profile {
        bio: Some(bio.to_owned()),
        ..of(user)
    }
}

/// Bio, avatar, location and website.
fn texts(profile: &Profile) -> [&str; 4] {
    [
        profile.bio(),
        profile.avatar_url(),
        profile.location(),
        profile.website_url(),
    ]
}

const FULL: [&str; 4] = [
    "a bio",
    "https://example.org/a.png",
    "a place",
    "http://example.org",
];

/// An app with a user whose profile is full.
async fn start() -> (TestApp, TestUser) {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let profile = update(&app, &alice, full(&alice), None).await;
    assert_eq!(texts(&profile), FULL);
    (app, alice)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_set_is_read_again() {
    let (app, alice) = start().await;
    let changed = update(&app, &alice, with_bio(&alice, "another"), None).await;
    assert_eq!(read(&app, &alice).await, changed);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mask_what_is_absent_stays_and_what_is_empty_is_cleared() {
    let (app, alice) = start().await;
    let profile = update(&app, &alice, with_bio(&alice, ""), None).await;
    assert_eq!(texts(&profile), ["", FULL[1], FULL[2], FULL[3]]);
    let profile = update(&app, &alice, with_bio(&alice, "new"), mask(&[])).await;
    assert_eq!(texts(&profile), ["new", FULL[1], FULL[2], FULL[3]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_sets_what_it_names_and_clears_what_is_absent() {
    let (app, alice) = start().await;
    let profile = update(
        &app,
        &alice,
        with_bio(&alice, "new"),
        mask(&["location", "website_url"]),
    )
    .await;
    assert_eq!(texts(&profile), [FULL[0], FULL[1], "", ""]);
    let profile = update(&app, &alice, with_bio(&alice, "new"), mask(&["bio", "bio"])).await;
    assert_eq!(texts(&profile), ["new", FULL[1], "", ""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_star_is_every_field() {
    let (app, alice) = start().await;
    let profile = update(&app, &alice, with_bio(&alice, "new"), mask(&["*"])).await;
    assert_eq!(texts(&profile), ["new", "", "", ""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_the_mask_leaves_out_are_not_looked_at() {
    let (app, alice) = start().await;
    let profile = Profile {
        website_url: Some("ftp://example.org".to_owned()),
        ..with_bio(&alice, "new")
    };
    let profile = update(&app, &alice, profile, mask(&["bio"])).await;
    assert_eq!(texts(&profile), ["new", FULL[1], FULL[2], FULL[3]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_names_fields_that_can_be_set_and_at_least_one() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (profile, mask) in [
        (full(&alice), mask(&["bio", "create_time"])),
        (full(&alice), mask(&["user_id"])),
        (full(&alice), mask(&["profile.bio"])),
        (full(&alice), mask(&[""])),
        (of(&alice), mask(&[])),
        (of(&alice), None),
    ] {
        let refused = refused(&app, &alice, profile, mask.clone()).await;
        assert_eq!(
            refused.summary(),
            "InvalidArgument FIELD_MASK_INVALID [update_mask FIELD_MASK_INVALID]",
            "{mask:?}"
        );
    }
    assert_eq!(read(&app, &alice).await.etag, "v1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_with_the_current_etag_passes_and_with_an_old_one_does_not() {
    let (app, alice) = start().await;
    let etag = read(&app, &alice).await.etag;
    let wish = |bio| Profile {
        etag: etag.clone(),
        ..with_bio(&alice, bio)
    };
    let first = update(&app, &alice, wish("first"), None).await;
    assert_ne!(first.etag, etag);
    let refused = refused(&app, &alice, wish("second"), None).await;
    assert_eq!(refused.summary(), "Aborted ETAG_MISMATCH []");
    assert_eq!(read(&app, &alice).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_updates_with_one_etag_exactly_one_passes() {
    let (app, alice) = start().await;
    let etag = read(&app, &alice).await.etag;
    let mut calls = JoinSet::new();
    for number in 0..8 {
        let mut client = app.identity(&alice);
        let profile = Profile {
            etag: etag.clone(),
            ..with_bio(&alice, &format!("bio {number}"))
        };
        let request = UpdateProfileRequest {
            profile: Some(profile),
            update_mask: None,
        };
        calls.spawn(async move { client.update_profile(request).await });
    }
    let (passed, refused): (Vec<_>, Vec<_>) = calls.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!(passed.len(), 1);
    for call in refused {
        assert_eq!(refusal(call).summary(), "Aborted ETAG_MISMATCH []");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_etag_that_was_given_out_can_be_compared() {
    let (app, alice) = start().await;
    for etag in ["1", "v01", "v", "v1 ", "W/\"v1\"", "v\0"] {
        let profile = Profile {
            etag: etag.to_owned(),
            ..with_bio(&alice, "new")
        };
        let summary = refused(&app, &alice, profile, None).await.summary();
        assert_eq!(
            summary, "InvalidArgument FIELD_MALFORMED [profile.etag FIELD_MALFORMED]",
            "{etag:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn time_and_etag_move_only_when_something_really_changes() {
    let (app, alice) = start().await;
    let before = read(&app, &alice).await;
    let same = update(&app, &alice, full(&alice), None).await;
    assert_eq!(same, before);
    let changed = update(&app, &alice, with_bio(&alice, "new"), None).await;
    let moved = |profile: &Profile| profile.update_time.map(|time| (time.seconds, time.nanos));
    assert!(moved(&changed) > moved(&before) && changed.etag != before.etag);
    assert_eq!(changed.create_time, before.create_time);
}

#[tokio::test(flavor = "multi_thread")]
async fn times_in_a_request_are_ignored() {
    let (app, alice) = start().await;
    let before = read(&app, &alice).await;
    let profile = Profile {
        create_time: Some(prost_types::Timestamp::default()),
        update_time: Some(prost_types::Timestamp::default()),
        ..full(&alice)
    };
    assert_eq!(update(&app, &alice, profile, mask(&["*"])).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn anothers_profile_is_not_the_callers_to_change_even_through_a_service() {
    let (app, alice) = start().await;
    let bob = app.user("bob").await;
    let refused = refused(&app, &bob, with_bio(&alice, "bob was here"), None).await;
    assert_eq!(refused.summary(), "PermissionDenied NOT_OWNER []");
    let resource = ("kith.identity.v1.User".to_owned(), format!("users/{}", alice.id));
    assert_eq!(refused.resource, Some(resource));
    let request = UpdateProfileRequest {
        profile: Some(with_bio(&alice, "bob was here")),
        update_mask: None,
    };
    let service = app.operator(&["identity.users.import"]);
    let passed_on = through(&service, request);
    let again = refusal(app.identity(&bob).update_profile(passed_on).await);
    assert_eq!(again, refused);
    assert_eq!(texts(&read(&app, &alice).await), FULL);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_not_there_has_no_profile_to_change() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let gone = app.signed_in(4711, "gone");
    for caller in [&alice, &gone] {
        let refused = refused(&app, caller, with_bio(&gone, "boo"), None).await;
        assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_at_once_in_field_order() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let profile = Profile {
        user_id: -1,
        bio: Some("a\0".to_owned()),
        avatar_url: Some("javascript:alert(1)".to_owned()),
        location: Some(wide(101)),
        website_url: Some("example.org".to_owned()),
        etag: "?".to_owned(),
        ..Default::default()
    };
    let refused = refused(&app, &alice, profile, mask(&["*", "nothing"])).await;
    assert_eq!(
        refused.summary(),
        "InvalidArgument ID_INVALID [profile.user_id ID_INVALID, profile.bio FIELD_CONTAINS_NUL, \
         profile.avatar_url URL_INVALID, profile.location FIELD_TOO_LONG, profile.website_url URL_INVALID, \
         profile.etag FIELD_MALFORMED, update_mask FIELD_MASK_INVALID]"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_must_be_given() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let request = UpdateProfileRequest {
        profile: None,
        update_mask: mask(&["nothing"]),
    };
    let refused = refusal(app.identity(&alice).update_profile(request).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument FIELD_REQUIRED [profile FIELD_REQUIRED, update_mask FIELD_MASK_INVALID]"
    );
}

/// A profile whose texts are `surplus` characters longer than the longest.
fn long(user: &TestUser, surplus: usize) -> Profile {
    let url = |max: usize| Some(format!("https://a.example/{}", wide(max - 18 + surplus)));
    Profile {
        bio: Some(wide(500 + surplus)),
        avatar_url: url(500),
        location: Some(wide(100 + surplus)),
        website_url: url(200),
        ..of(user)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lengths_count_characters_and_not_bytes() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let refused = refused(&app, &alice, long(&alice, 1), None).await;
    assert_eq!(
        refused.summary(),
        "InvalidArgument FIELD_TOO_LONG [profile.bio FIELD_TOO_LONG, profile.avatar_url FIELD_TOO_LONG, \
         profile.location FIELD_TOO_LONG, profile.website_url FIELD_TOO_LONG]"
    );
    assert_eq!(refused.metadata["constraint"], "identity_profiles_bio_length");
    let profile = update(&app, &alice, long(&alice, 0), None).await;
    assert_eq!(texts(&profile), texts(&long(&alice, 0)));
    app.database.assert_invariants().await;
}
