use kith_contracts::identity::v1::{
    AuditEvent, AuditEventType, ChangePasswordRequest, DeactivateUserRequest, DeleteUserRequest,
    ListAuditEventsRequest, ListAuditEventsResponse, ReactivateUserRequest, RevokeAllSessionsRequest,
    RevokeSessionRequest, UpdateUserRequest,
};
use kith_testkit::{Bearer, Caller, TestApp};
use tonic::{Request, Response, Status};

use crate::support::{
    PASSWORD, SignedIn, answer, authenticate, count, execute, instant, refresh, refresh_refused, refusal,
    register, sessions, sign_in, through,
};

const SCOPES: &[&str] = &[
    "identity.audit.read",
    "identity.users.deactivate",
    "identity.users.delete",
    "identity.sessions.revoke",
];

async fn call(
    app: &TestApp,
    subject: &str,
    page_size: i32,
    page_token: &str,
) -> Result<Response<ListAuditEventsResponse>, Status> {
    let request = ListAuditEventsRequest {
        subject: subject.to_owned(),
        page_size,
        page_token: page_token.to_owned(),
    };
    app.identity(&app.operator(SCOPES))
        .list_audit_events(request)
        .await
}

/// The events of a subject, newest first.
async fn events(app: &TestApp, subject: &str) -> Vec<AuditEvent> {
    answer(call(app, subject, 0, "").await).events
}

/// Type, actor, service and count of each event of a user, oldest first.
async fn story(app: &TestApp, id: i64) -> Vec<String> {
    let events = events(app, &format!("users/{id}")).await;
    let line = |event: AuditEvent| {
        let name = event
            .r#type()
            .as_str_name()
            .trim_start_matches("AUDIT_EVENT_TYPE_");
        format!("{name} {}/{} x{}", event.actor, event.service, event.count)
    };
    events.into_iter().rev().map(line).collect()
}

async fn start() -> (TestApp, i64, SignedIn) {
    let app = TestApp::start().await;
    let id = register(&app, "alice").await;
    let alice = sign_in(&app, "alice").await;
    (app, id, alice)
}

// Control: `user_deactivate` that writes its event whatever the account was before; there were two.
#[tokio::test(flavor = "multi_thread")]
async fn each_change_leaves_one_event_and_what_changes_nothing_leaves_none() {
    let (app, id, alice) = start().await;
    let operator = app.operator(SCOPES);
    let (mut own, mut operators) = (app.identity(&alice.caller), app.identity(&operator));
    let change = |new: &str| ChangePasswordRequest {
        old_password: PASSWORD.to_owned(),
        new_password: new.to_owned(),
    };
    answer(own.change_password(change("battery staple")).await);
    refusal(own.change_password(change("battery staple")).await);
    for (username, first_name) in [("alice", "Alice"), ("Alice", "Alice"), ("Alice", "")] {
        let request = UpdateUserRequest {
            user_id: id,
            username: Some(username.to_owned()),
            first_name: Some(first_name.to_owned()),
            ..Default::default()
        };
        answer(own.update_user(request).await);
    }
    for _ in 0..2 {
        answer(
            operators
                .deactivate_user(DeactivateUserRequest { user_id: id })
                .await,
        );
    }
    for _ in 0..2 {
        answer(
            operators
                .reactivate_user(ReactivateUserRequest { user_id: id })
                .await,
        );
    }
    for _ in 0..2 {
        let request = DeleteUserRequest {
            user_id: id,
            allow_missing: true,
        };
        answer(operators.delete_user(request).await);
    }
    let id = format!("user:{id}");
    assert_eq!(
        story(&app, id[5..].parse().expect("a number")).await,
        [
            format!("SESSION_CREATED {id}/ x1"),
            format!("PASSWORD_CHANGED {id}/ x1"),
            format!("SIGN_IN_FAILED {id}/ x1"),
            format!("ACCOUNT_UPDATED {id}/ x1"),
            "USER_DEACTIVATED service:1/ x1".to_owned(),
            "USER_REACTIVATED service:1/ x1".to_owned(),
            "USER_DELETED service:1/ x1".to_owned(),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_of_sessions_is_one_event_with_their_number() {
    let (app, id, alice) = start().await;
    for _ in 0..3 {
        sign_in(&app, "alice").await;
    }
    let mut own = app.identity(&alice.caller);
    let ended = sessions(&app, &alice.caller).await[0].id;
    for _ in 0..2 {
        let request = RevokeSessionRequest {
            session_id: ended,
            allow_missing: true,
        };
        answer(own.revoke_session(request).await);
    }
    let all = |keep_current| RevokeAllSessionsRequest {
        user_id: id,
        keep_current,
    };
    for _ in 0..2 {
        answer(own.revoke_all_sessions(all(true)).await);
    }
    let operator = app.operator(SCOPES);
    answer(app.identity(&operator).revoke_all_sessions(all(false)).await);
    let story = story(&app, id).await;
    assert_eq!(
        story[4..],
        [
            format!("SESSION_REVOKED user:{id}/ x1"),
            format!("SESSION_REVOKED user:{id}/ x2"),
            "SESSION_REVOKED service:1/ x1".to_owned(),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_that_is_used_again_is_in_the_log_when_the_error_arrives() {
    let (app, id, alice) = start().await;
    answer(refresh(&app, &alice.refresh_token).await);
    refresh_refused(&app, &alice.refresh_token).await;
    assert_eq!(story(&app, id).await.len(), 1);
    execute(
        &app,
        "UPDATE identity.refresh_tokens SET rotated_at = rotated_at - interval '1 h'",
    )
    .await;
    refresh_refused(&app, &alice.refresh_token).await;
    assert_eq!(story(&app, id).await[1..], ["REFRESH_TOKEN_REUSED / x1"]);
}

/// A minute may end in the middle of the test.
#[tokio::test(flavor = "multi_thread")]
async fn failed_sign_ins_are_counted_by_account_and_minute_and_those_of_nobody_together() {
    let (app, id, _) = start().await;
    let imported = app.user("imported").await;
    for name in ["alice", "ALICE", "imported", "nobody", "somebody", ""] {
        refusal(authenticate(&app, name, "wrong horse").await);
    }
    let failures = async |subject: &str| {
        let events = answer(call(&app, "", 0, "").await).events;
        let of = events
            .into_iter()
            .filter(|event| event.r#type() == AuditEventType::SignInFailed && event.subject == subject);
        let of: Vec<_> = of.collect();
        assert!(of.len() <= 2, "{of:?}");
        of.iter().map(|event| event.count).sum::<i64>()
    };
    assert_eq!(failures(&format!("users/{id}")).await, 2);
    assert_eq!(failures(&format!("users/{}", imported.id)).await, 1);
    assert_eq!(failures("").await, 3);
}

fn named<T>(id: &str, mut request: Request<T>) -> Request<T> {
    request
        .metadata_mut()
        .insert("x-request-id", id.parse().expect("ASCII"));
    request
}

// Controls: an actor that is the service of a passed-on call; events without the task's context.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_says_who_did_it_through_whom_from_where_and_in_which_call() {
    let (app, id, alice) = start().await;
    let change = ChangePasswordRequest {
        old_password: PASSWORD.to_owned(),
        new_password: "battery staple".to_owned(),
    };
    let request = named("the-call", through(&app.operator(&[]), change));
    answer(app.identity(&alice.caller).change_password(request).await);
    let event = events(&app, &format!("users/{id}")).await.remove(0);
    assert_eq!(event.r#type(), AuditEventType::PasswordChanged);
    assert_eq!(
        (event.actor, event.service),
        (format!("user:{id}"), "service:1".to_owned())
    );
    assert_eq!(
        (event.address.as_str(), event.request_id.as_str()),
        ("127.0.0.1", "the-call")
    );
    assert_eq!((event.count, event.create_time), (1, event.update_time));
    assert!(event.id > 0);
}

/// Every statement of each act runs, and then its commit fails.
const NOTHING_IS_COMMITTED: &str = "
CREATE FUNCTION identity.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION USING ERRCODE = '23514', CONSTRAINT = 'identity_users_username_length';
END $$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE OR DELETE ON identity.users
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION identity.refuse();
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE OR DELETE ON identity.sessions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION identity.refuse();
CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON identity.credentials
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION identity.refuse()
";

// Control: an event that is written by `database.write` beside the transaction; it was there.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_rolled_back_leaves_no_event() {
    let (app, id, alice) = start().await;
    execute(&app, NOTHING_IS_COMMITTED).await;
    let operator = app.operator(SCOPES);
    let (mut own, mut operators) = (app.identity(&alice.caller), app.identity(&operator));
    let user_id = id;
    let keep_current = false;
    let session_id = sessions(&app, &alice.caller).await[0].id;
    let allow_missing = false;
    execute(
        &app,
        "UPDATE identity.refresh_tokens SET rotated_at = rotated_at - interval '1 h'",
    )
    .await;
    let username = UpdateUserRequest {
        user_id,
        username: Some("alice2".to_owned()),
        ..Default::default()
    };
    let password = ChangePasswordRequest {
        old_password: PASSWORD.to_owned(),
        new_password: "battery staple".to_owned(),
    };
    let refused = [
        authenticate(&app, "alice", PASSWORD).await.err(),
        own.update_user(username).await.err(),
        own.change_password(password).await.err(),
        own.revoke_session(RevokeSessionRequest {
            session_id,
            allow_missing,
        })
        .await
        .err(),
        operators
            .revoke_all_sessions(RevokeAllSessionsRequest {
                user_id,
                keep_current,
            })
            .await
            .err(),
        operators
            .deactivate_user(DeactivateUserRequest { user_id })
            .await
            .err(),
        operators
            .delete_user(DeleteUserRequest {
                user_id,
                allow_missing,
            })
            .await
            .err(),
    ];
    for (place, refused) in refused.into_iter().enumerate() {
        let status = refused.unwrap_or_else(|| panic!("call {place} went well"));
        assert_eq!(status.code(), tonic::Code::InvalidArgument, "{place}: {status}");
    }
    assert_eq!(
        count(&app, "identity.audit_events WHERE subject LIKE 'users/%'").await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_size_give_each_event_once_newest_first() {
    let app = TestApp::start().await;
    // Equal times within a page and across its end.
    let make = "DELETE FROM identity.audit_events;
        INSERT INTO identity.audit_events (type, subject, created_at)
        SELECT 'USER_DELETED', 'users/' || number % 2, now() - number / 3 * interval '1 s'
        FROM generate_series(0, 13) AS number";
    execute(&app, make).await;
    for (subject, number) in [("", 14), ("users/1", 7), ("users/2", 0)] {
        let all = events(&app, subject).await;
        assert_eq!(all.len(), number);
        let order = |event: &AuditEvent| (instant(event.create_time), event.id);
        assert!(all.is_sorted_by(|left, right| order(left) > order(right)));
        for size in [1, 3, 7] {
            let (mut seen, mut token) = (Vec::new(), String::new());
            loop {
                let page = answer(call(&app, subject, size, &token).await);
                seen.extend(page.events);
                token = page.next_page_token;
                if token.is_empty() || seen.len() > number {
                    break;
                }
            }
            assert_eq!(seen, all, "{subject}, pages of {size}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_at_once_in_field_order() {
    let app = TestApp::start().await;
    for (subject, reason) in [
        ("\0", "FIELD_CONTAINS_NUL"),
        (&"\u{e4}".repeat(201), "FIELD_TOO_LONG"),
    ] {
        let refused = refusal(call(&app, subject, -1, "x").await);
        assert_eq!(
            refused.summary(),
            format!(
                "InvalidArgument {reason} [subject {reason}, page_size PAGE_SIZE_INVALID, page_token PAGE_TOKEN_INVALID]"
            )
        );
    }
    assert_eq!(events(&app, &"\u{e4}".repeat(200)).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_token_goes_with_its_subject_alone() {
    let (app, id, _) = start().await;
    sign_in(&app, "alice").await;
    let token = answer(call(&app, &format!("users/{id}"), 1, "").await).next_page_token;
    let refused = refusal(call(&app, "", 1, &token).await);
    assert_eq!(refused.reason, "PAGE_TOKEN_INVALID");
}

async fn refused_for(app: &TestApp, caller: &impl Caller) -> String {
    let request = ListAuditEventsRequest::default();
    refusal(app.identity(caller).list_audit_events(request).await).reason
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_for_operators() {
    let (app, _, alice) = start().await;
    assert_eq!(refused_for(&app, &alice.caller).await, "CALLER_NOT_ALLOWED");
    assert_eq!(
        refused_for(&app, &app.operator(&["identity.accounts.read"])).await,
        "SCOPE_MISSING"
    );
    assert_eq!(refused_for(&app, &Bearer(None)).await, "TOKEN_MISSING");
}
