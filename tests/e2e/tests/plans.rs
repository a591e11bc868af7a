//! The statements that the services send are served by indexes: the server itself says so while it runs them.

use std::fs;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use kith_contracts::identity::v1::user_key::Key;
use kith_contracts::identity::v1::*;
use kith_contracts::social_graph::v1::*;
use kith_postgres::PoolSettings;
use kith_testkit::{AppOptions, TestApp, TestDatabase, TestUser, cluster};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

const PASSWORD: &str = "correct horse battery";

/// Some 2,000 users, each of whom follows some 30, and all of whom follow the first. Who follows is a friend too. The
/// ninth has asked and was asked by hundreds of the others, and who was asked blocks and was declined.
const FILL: &str = "
    INSERT INTO identity.users (username, email)
        SELECT 'filler' || number, 'filler' || number || '@example.com' FROM generate_series(1, 2000) AS number;
    INSERT INTO identity.profiles (user_id) SELECT id FROM identity.users ON CONFLICT DO NOTHING;
    INSERT INTO identity.credentials (user_id, password_hash)
        SELECT id, '$argon2id$none' FROM identity.users ON CONFLICT DO NOTHING;
    INSERT INTO social_graph.follows (follower_id, followed_id, created_at)
        SELECT follower, followed, now() - random() * interval '1 year'
        FROM identity.users AS account (follower), LATERAL (
            SELECT id FROM generate_series(1, 30) AS step
            JOIN identity.users ON id = (follower * 7 + step * step * 31) % 2000 + 1
            UNION SELECT min(id) FROM identity.users) AS following (followed)
        WHERE follower <> followed;
    INSERT INTO social_graph.friendships (user_id, friend_id, created_at)
        SELECT side.user_id, side.friend_id, created_at FROM social_graph.follows,
            LATERAL (VALUES (follower_id, followed_id), (followed_id, follower_id)) AS side (user_id, friend_id)
        ON CONFLICT DO NOTHING;
    INSERT INTO social_graph.friend_requests (from_user_id, to_user_id, created_at)
        SELECT one, other, now() - random() * interval '1 year' FROM (
            SELECT CASE id % 2 WHEN 0 THEN asker ELSE id END, CASE id % 2 WHEN 0 THEN id ELSE asker END
                FROM identity.users, (SELECT min(id) + 8 FROM identity.users) AS the (asker) WHERE id <> asker
            UNION ALL
            SELECT one.id, other.id FROM identity.users AS one JOIN identity.users AS other ON other.id = one.id + 500
        ) AS wish (one, other)
        WHERE NOT EXISTS (SELECT FROM social_graph.friendships WHERE user_id = one AND friend_id = other)
        ON CONFLICT DO NOTHING;
    INSERT INTO social_graph.friend_request_declines
        SELECT to_user_id, from_user_id, now() + interval '1 day' FROM social_graph.friend_requests;
    INSERT INTO social_graph.blocks SELECT to_user_id, from_user_id, created_at FROM social_graph.friend_requests;
    INSERT INTO social_graph.mutes SELECT from_user_id, to_user_id, created_at FROM social_graph.friend_requests;
    INSERT INTO messaging.settings (user_id, accepted_senders) SELECT id, 'friends' FROM identity.users;
    INSERT INTO identity.audit_events (type, subject, created_at)
        SELECT 'SESSION_CREATED', 'users/' || number % 100, now() - random() * interval '1 year'
        FROM generate_series(1, 5000) AS number;
    ANALYZE";

/// What serves lists and foreign keys, and would find a pair by walking all edges of one of the two.
const WALKS: [&str; 8] = [
    "social_graph_follows_followers_page",
    "social_graph_follows_following_page",
    "social_graph_friendships_page",
    "social_graph_blocks_page",
    "social_graph_blocks_by_blocked",
    "social_graph_mutes_page",
    "social_graph_mutes_by_muted",
    "social_graph_friend_request_declines_by_decliner",
];

/// The server's log, where auto_explain writes the plans of this one database's statements.
pub(crate) struct Plans {
    read: usize,
    /// All databases of this process write into one log: whoever reads it for plans is alone.
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::const_new(());

impl Plans {
    /// Every session from now on has its statements explained.
    pub(crate) async fn of(database: &TestDatabase, plan_cache_mode: &str) -> Self {
        let alone = ALONE.lock().await;
        let settings = [
            ("session_preload_libraries", "auto_explain"),
            ("auto_explain.log_min_duration", "0"),
            ("plan_cache_mode", plan_cache_mode),
        ];
        let name = database.name();
        let mut sql = "LOAD 'auto_explain';".to_owned();
        for (setting, value) in settings {
            sql += &format!("ALTER DATABASE {name} SET {setting} = '{value}';");
        }
        let mut superuser = database.superuser().await;
        superuser.batch_execute(&sql).await.expect("settings");
        Self {
            read: log().len(),
            _alone: alone,
        }
    }

    /// How much of the log has been looked at, which never is the same twice.
    pub(crate) fn read(&self) -> usize {
        self.read
    }

    /// As below, and that no edge was looked for among all edges of a user.
    async fn assert_found_by(&mut self, rpc: &str, indexes: &[&str]) {
        let plans = self.assert_served_by(rpc, indexes).await;
        for walk in WALKS {
            assert!(!plans.contains(&format!(" {walk} ")), "{rpc}: {plans}");
        }
    }

    /// Asserts that what was logged since the last look uses all of these indexes, and reads no table as a whole.
    pub(crate) async fn assert_served_by(&mut self, rpc: &str, indexes: &[&str]) -> String {
        let give_up = Instant::now() + Duration::from_secs(10);
        loop {
            let log = log();
            let plans = &log[self.read..];
            for table in [
                "users",
                "profiles",
                "credentials",
                "audit_events",
                "follows",
                "follow_counts",
                "friendships",
                "friend_requests",
                "friend_request_declines",
                "blocks",
                "mutes",
                "conversations",
                "members",
                "messages",
                "message_edits",
                "requests",
                "settings",
            ] {
                assert!(
                    !plans.contains(&format!("Seq Scan on {table} ")),
                    "{rpc}: {plans}"
                );
            }
            // Plans are written when a statement ends, which may be a moment after its last row arrived.
            if indexes.iter().all(|index| plans.contains(&format!(" {index} "))) {
                self.read = log.len();
                return plans.to_owned();
            }
            assert!(
                Instant::now() < give_up,
                "{rpc} does not use {indexes:?}: {plans}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn log() -> String {
    let bytes = fs::read(cluster().log()).expect("the server's log");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// With a new connection for every call, and so with the settings of the moment.
pub(crate) async fn app_of_the_moment() -> TestApp {
    let options = AppOptions {
        pool: PoolSettings {
            max_lifetime: Duration::ZERO,
            ..AppOptions::default().pool
        },
        ..AppOptions::default()
    };
    TestApp::start_with(options).await
}

async fn filled() -> (TestApp, TestUser) {
    let app = app_of_the_moment().await;
    let user = app.registered("popular", PASSWORD).await;
    let mut owner = app.database.owner().await;
    owner.batch_execute(FILL).await.expect("rows");
    // The visibility maps, too: what an index alone can answer is cheap then, and tempts the planner most.
    owner
        .batch_execute("VACUUM (ANALYZE)")
        .await
        .expect("visibility maps");
    (app, user)
}

/// Makes one call, and looks at the plans of its statements.
macro_rules! check {
    ($plans:ident, $client:expr, $rpc:ident($request:expr), $($index:literal)*) => {{
        let answer = $client.$rpc($request).await.expect(stringify!($rpc)).into_inner();
        $plans.assert_served_by(stringify!($rpc), &[$($index),*]).await;
        answer
    }};
}

async fn accounts(app: &TestApp, user: &TestUser, plans: &mut Plans) {
    let mut identity = app.identity(user);
    for (identifier, index) in [
        (
            authenticate_request::Identifier::Username("popular".to_owned()),
            "identity_users_username_key",
        ),
        (
            authenticate_request::Identifier::Email("filler7@example.com".to_owned()),
            "identity_users_email_key",
        ),
    ] {
        let request = AuthenticateRequest {
            identifier: Some(identifier),
            password: PASSWORD.to_owned(),
            ..Default::default()
        };
        // The second one has no password that fits; its statement ran all the same.
        let _ = identity.authenticate(request).await;
        let indexes = [index, "identity_credentials_pkey"];
        plans.assert_served_by("authenticate", &indexes).await;
    }
    let user_id = user.id;
    check!(plans, identity, who_am_i(WhoAmIRequest {}), "identity_users_pkey");
    check!(
        plans,
        identity,
        get_user(GetUserRequest { user_id }),
        "identity_users_pkey"
    );
    check!(
        plans,
        identity,
        get_profile(GetProfileRequest { user_id }),
        "identity_profiles_pkey"
    );
    let keys = [Key::UserId(user_id), Key::Username("filler7".to_owned())];
    let keys = keys.map(|key| UserKey { key: Some(key) }).to_vec();
    check!(
        plans,
        identity,
        batch_get_users(BatchGetUsersRequest { keys }),
        "identity_users_pkey" "identity_users_username_key"
    );
}

async fn follows(app: &TestApp, user: &TestUser, plans: &mut Plans) {
    let mut graph = app.social_graph(user);
    let pair = FollowPair {
        follower_id: user.id + 1,
        followed_id: user.id,
    };
    let request = GetFollowRequest {
        follower_id: pair.follower_id,
        followed_id: pair.followed_id,
    };
    check!(plans, graph, get_follow(request), "social_graph_follows_pkey");
    let request = BatchCheckFollowsRequest { pairs: vec![pair] };
    check!(
        plans,
        graph,
        batch_check_follows(request),
        "social_graph_follows_pkey"
    );
    let request = GetCountsRequest { user_id: user.id };
    check!(
        plans,
        graph,
        get_counts(request),
        "identity_users_pkey" "social_graph_follow_counts_pkey"
    );
    let (mut followers, mut following) = (String::new(), String::new());
    for _page in 0..2 {
        let request = ListFollowersRequest {
            user_id: user.id,
            page_size: 10,
            page_token: followers,
        };
        followers = check!(
            plans,
            graph,
            list_followers(request),
            "social_graph_follows_followers_page"
        )
        .next_page_token;
        let request = ListFollowingRequest {
            user_id: user.id,
            page_size: 10,
            page_token: following,
        };
        following = check!(
            plans,
            graph,
            list_following(request),
            "social_graph_follows_following_page"
        )
        .next_page_token;
        assert!(
            !followers.is_empty() && !following.is_empty(),
            "there is another page"
        );
    }
}

async fn audit_events(app: &TestApp, plans: &mut Plans) {
    let mut identity = app.identity(&app.operator(&["identity.audit.read"]));
    let mut tokens = [String::new(), String::new()];
    for _page in 0..2 {
        let request = |subject: &str, page_token: &str| ListAuditEventsRequest {
            subject: subject.to_owned(),
            page_size: 10,
            page_token: page_token.to_owned(),
        };
        let all = check!(
            plans,
            identity,
            list_audit_events(request("", &tokens[0])),
            "identity_audit_events_by_time"
        );
        let of_one = check!(
            plans,
            identity,
            list_audit_events(request("users/7", &tokens[1])),
            "identity_audit_events_by_subject"
        );
        tokens = [all.next_page_token, of_one.next_page_token];
        assert!(
            tokens.iter().all(|token| !token.is_empty()),
            "there is another page"
        );
    }
}

async fn friends(app: &TestApp, user: &TestUser, plans: &mut Plans) {
    let mut graph = app.social_graph(user);
    // Whoever is everybody's friend has nobody to be suggested.
    let mut another = app.social_graph(&app.signed_in(user.id + 7, "filler7"));
    let (mut friends, mut mutual, mut suggested) = (String::new(), String::new(), String::new());
    for _page in 0..2 {
        let request = ListFriendsRequest {
            user_id: user.id,
            page_size: 10,
            page_token: friends,
        };
        friends = check!(
            plans,
            graph,
            list_friends(request),
            "social_graph_friendships_page"
        )
        .next_page_token;
        let request = ListMutualFriendsRequest {
            user_id: user.id,
            other_user_id: user.id + 1,
            page_size: 10,
            page_token: mutual,
        };
        mutual = check!(
            plans,
            graph,
            list_mutual_friends(request),
            "social_graph_friendships_pkey"
        )
        .next_page_token;
        let request = SuggestFriendsRequest {
            page_size: 10,
            page_token: suggested,
        };
        suggested = check!(
            plans,
            another,
            suggest_friends(request),
            "social_graph_friendships_page" "identity_users_pkey"
        )
        .next_page_token;
        assert!(
            ![&friends, &mutual, &suggested]
                .iter()
                .any(|token| token.is_empty()),
            "there is another page"
        );
    }
}

/// The lists of the one who asked many.
async fn between(app: &TestApp, user: &TestUser, plans: &mut Plans) {
    let asker = app.signed_in(user.id + 8, "filler8");
    let mut graph = app.social_graph(&asker);
    let (mut sent, mut received, mut blocks, mut mutes) =
        (String::new(), String::new(), String::new(), String::new());
    for _page in 0..2 {
        let request = ListSentRequestsRequest {
            page_size: 10,
            page_token: sent,
        };
        let page = check!(
            plans,
            graph,
            list_sent_requests(request),
            "social_graph_friend_requests_sent_page"
        );
        sent = page.next_page_token;
        let friend_request_id = page.friend_requests[0].id;
        check!(
            plans,
            graph,
            get_friend_request(GetFriendRequestRequest { friend_request_id }),
            "social_graph_friend_requests_pkey"
        );
        let request = ListReceivedRequestsRequest {
            page_size: 10,
            page_token: received,
        };
        received = check!(
            plans,
            graph,
            list_received_requests(request),
            "social_graph_friend_requests_received_page"
        )
        .next_page_token;
        let request = ListBlocksRequest {
            page_size: 10,
            page_token: blocks,
        };
        blocks = check!(plans, graph, list_blocks(request), "social_graph_blocks_page").next_page_token;
        let request = ListMutesRequest {
            page_size: 10,
            page_token: mutes,
        };
        mutes = check!(plans, graph, list_mutes(request), "social_graph_mutes_page").next_page_token;
        for token in [&sent, &received, &blocks, &mutes] {
            assert!(!token.is_empty(), "there is another page");
        }
    }
}

/// What two are to each other, where one of them has edges to everybody and the other has few.
async fn pairs(app: &TestApp, user: &TestUser, plans: &mut Plans) {
    let other = app.signed_in(user.id + 7, "filler7");
    let (mut popular, mut few) = (app.social_graph(user), app.social_graph(&other));
    for (follower_id, followed_id) in [(user.id, other.id), (other.id, user.id)] {
        let request = GetFollowRequest {
            follower_id,
            followed_id,
        };
        let _ = popular.get_follow(request).await;
        plans
            .assert_found_by("get_follow", &["social_graph_follows_pkey"])
            .await;
    }
    let request = FollowRequest {
        user_id: user.id,
        allow_existing: true,
    };
    assert!(few.follow(request).await.expect("a follow").into_inner().existing);
    plans
        .assert_found_by("follow", &["social_graph_follows_pkey"])
        .await;
    for (from, to) in [(&mut popular, other.id), (&mut few, user.id)] {
        let request = SendFriendRequestRequest {
            user_id: to,
            ..Default::default()
        };
        from.send_friend_request(request)
            .await
            .expect_err("they are friends");
        plans
            .assert_found_by("send_friend_request", &["social_graph_friendships_pkey"])
            .await;
    }
    for (viewer, graph) in [(user.id, &mut popular), (other.id, &mut few)] {
        let others: Vec<i64> = (user.id..user.id + 10).filter(|id| *id != viewer).collect();
        let request = BatchGetRelationshipsRequest {
            viewer_id: viewer,
            user_ids: others.clone(),
        };
        graph
            .batch_get_relationships(request)
            .await
            .expect("relationships");
        let keys = [
            "identity_users_pkey",
            "social_graph_follows_pkey",
            "social_graph_friendships_pkey",
            "social_graph_friend_requests_pair_key",
            "social_graph_blocks_pkey",
            "social_graph_mutes_pkey",
        ];
        plans.assert_found_by("batch_get_relationships", &keys).await;
        let wish = |target_id| Interaction {
            actor_id: viewer,
            target_id,
            action: InteractionAction::Befriend.into(),
        };
        let request = BatchCheckInteractionsRequest {
            interactions: others.into_iter().map(wish).collect(),
        };
        graph.batch_check_interactions(request).await.expect("decisions");
        let keys = [
            "identity_users_pkey",
            "social_graph_follows_pkey",
            "social_graph_friendships_pkey",
            "social_graph_friend_requests_pair_key",
            "social_graph_friend_request_declines_pkey",
            "messaging_settings_pkey",
        ];
        plans.assert_found_by("batch_check_interactions", &keys).await;
    }
}

/// The same of blocks and mutes, of which the one who asked many has many.
async fn barriers(app: &TestApp, user: &TestUser, plans: &mut Plans) {
    let mut graph = app.social_graph(&app.signed_in(user.id + 8, "filler8"));
    let blocks = graph
        .list_blocks(ListBlocksRequest::default())
        .await
        .expect("blocks");
    plans
        .assert_served_by("list_blocks", &["social_graph_blocks_page"])
        .await;
    let request = BlockUserRequest {
        user_id: blocks.into_inner().blocks[0].blocked_id,
        allow_existing: true,
    };
    graph.block_user(request).await.expect("a block");
    plans
        .assert_found_by("block_user", &["social_graph_blocks_pkey"])
        .await;
    let mutes = graph
        .list_mutes(ListMutesRequest::default())
        .await
        .expect("mutes");
    plans
        .assert_served_by("list_mutes", &["social_graph_mutes_page"])
        .await;
    let muted = mutes.into_inner().mutes[0].muted_id;
    graph
        .unmute_user(UnmuteUserRequest {
            user_id: muted,
            ..Default::default()
        })
        .await
        .expect("a mute");
    plans
        .assert_found_by("unmute_user", &["social_graph_mutes_pkey"])
        .await;
}

// Controls: FILL that drops social_graph_follows_followers_page; ListFollowers read all follows and sorted them. FILL that
// makes the primary keys again without the times; the pages served what was between two users.
#[tokio::test]
async fn every_read_is_served_by_indexes_planned_for_its_arguments_or_for_any() {
    let (app, user) = filled().await;
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let mut plans = Plans::of(&app.database, mode).await;
        accounts(&app, &user, &mut plans).await;
        follows(&app, &user, &mut plans).await;
        audit_events(&app, &mut plans).await;
        friends(&app, &user, &mut plans).await;
        between(&app, &user, &mut plans).await;
        pairs(&app, &user, &mut plans).await;
        barriers(&app, &user, &mut plans).await;
    }
}
