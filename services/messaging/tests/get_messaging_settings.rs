use kith_contracts::messaging::v1::{AcceptedSenders, GetMessagingSettingsRequest, MessagingSettings};
use kith_testkit::{TestApp, TestUser};

use crate::support::{accept, answer, two};

async fn settings(app: &TestApp, user: &TestUser) -> MessagingSettings {
    let got = answer(
        app.messaging(user)
            .get_messaging_settings(GetMessagingSettingsRequest {})
            .await,
    );
    got.settings.expect("settings")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_set_nothing_accepts_everyone() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    accept(&app, &bob, AcceptedSenders::Friends).await;
    let own = settings(&app, &alice).await;
    assert_eq!(
        (own.accepted_senders(), own.update_time),
        (AcceptedSenders::Everyone, None)
    );
    let set = settings(&app, &bob).await;
    assert_eq!(set.accepted_senders(), AcceptedSenders::Friends);
    assert!(set.update_time.is_some() && set.etag != own.etag);
}
