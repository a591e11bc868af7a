use kith_contracts::messaging::v1::{
    AcceptedSenders, GetMessagingSettingsRequest, MessagingSettings, UpdateMessagingSettingsRequest,
};
use kith_testkit::{Refusal, TestApp, TestUser};
use prost_types::FieldMask;
use tonic::Status;

use crate::support::{answer, delete_user};

async fn update(
    app: &TestApp,
    user: &TestUser,
    senders: Option<i32>,
    paths: &[&str],
    etag: &str,
) -> Result<MessagingSettings, Status> {
    let request = UpdateMessagingSettingsRequest {
        accepted_senders: senders,
        update_mask: Some(FieldMask {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        }),
        etag: etag.to_owned(),
    };
    let updated = app.messaging(user).update_messaging_settings(request).await?;
    Ok(updated.into_inner().settings.expect("settings"))
}

async fn refused(app: &TestApp, user: &TestUser, senders: Option<i32>, paths: &[&str], etag: &str) -> String {
    let status = update(app, user, senders, paths, etag)
        .await
        .expect_err("a refusal");
    Refusal::of(&status).summary()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_answered_and_stays() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (senders, paths) in [
        (AcceptedSenders::Friends, &[][..]),
        (AcceptedSenders::Followers, &["accepted_senders"][..]),
        (AcceptedSenders::Everyone, &["*"][..]),
    ] {
        let updated = update(&app, &alice, Some(senders.into()), paths, "")
            .await
            .expect("settings");
        assert_eq!(updated.accepted_senders(), senders);
        let got = answer(
            app.messaging(&alice)
                .get_messaging_settings(GetMessagingSettingsRequest {})
                .await,
        );
        assert_eq!(got.settings, Some(updated));
    }
}

// Control: with any lower version taken, the older etag went through.
#[tokio::test(flavor = "multi_thread")]
async fn the_version_moves_with_each_real_change_and_guards_the_next() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let friends = Some(AcceptedSenders::Friends.into());
    let unset = answer(
        app.messaging(&alice)
            .get_messaging_settings(GetMessagingSettingsRequest {})
            .await,
    );
    let unset = unset.settings.expect("settings").etag;
    assert_eq!(
        refused(&app, &alice, friends, &[], "v7").await,
        "Aborted ETAG_MISMATCH []"
    );
    let first = update(&app, &alice, friends, &[], &unset)
        .await
        .expect("settings");
    let same = update(&app, &alice, friends, &[], &first.etag)
        .await
        .expect("settings");
    assert_eq!(same, first);
    assert_eq!(
        refused(&app, &alice, friends, &[], &unset).await,
        "Aborted ETAG_MISMATCH []"
    );
    let everyone = Some(AcceptedSenders::Everyone.into());
    let second = update(&app, &alice, everyone, &[], &first.etag)
        .await
        .expect("settings");
    assert_ne!(second.etag, first.etag);
    assert_eq!(
        refused(&app, &alice, friends, &[], &first.etag).await,
        "Aborted ETAG_MISMATCH []"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (senders, paths, etag, summary) in [
        (
            None,
            &[][..],
            "",
            "FIELD_MASK_INVALID [update_mask FIELD_MASK_INVALID]",
        ),
        (
            None,
            &["etag"][..],
            "x",
            "FIELD_MASK_INVALID [update_mask FIELD_MASK_INVALID, etag FIELD_MALFORMED]",
        ),
        (
            None,
            &["*"][..],
            "",
            "FIELD_REQUIRED [accepted_senders FIELD_REQUIRED]",
        ),
        (
            Some(0),
            &[][..],
            "",
            "FIELD_REQUIRED [accepted_senders FIELD_REQUIRED]",
        ),
        (
            Some(9),
            &["x"][..],
            "",
            "FIELD_MALFORMED [accepted_senders FIELD_MALFORMED, update_mask FIELD_MASK_INVALID]",
        ),
    ] {
        let refused = refused(&app, &alice, senders, paths, etag).await;
        assert_eq!(refused, format!("InvalidArgument {summary}"));
    }
    delete_user(&app, &alice).await;
    let gone = refused(&app, &alice, Some(1), &[], "").await;
    assert_eq!(gone, "NotFound USER_NOT_FOUND []");
}
