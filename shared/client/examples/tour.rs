//! A tour of Kith by its client for Rust, in the order in which a product needs it. While `kith up` runs:
//!
//! ```sh
//! cargo run -p kith-client --example tour
//! ```
//!
//! It makes two users of its own each time. Services elsewhere are named: `tour http://… http://… http://…`, identity,
//! social-graph and posts.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kith_client::{Builder, Channel, UserSession, channel};
use kith_contracts::errors::v1::ErrorReason;
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_contracts::identity::v1::{
    AuthenticateRequest, RegisterRequest, WhoAmIRequest, authenticate_request,
};
use kith_contracts::posts::v1::posts_service_client::PostsServiceClient;
use kith_contracts::posts::v1::{CreatePostRequest, GetPostRequest, ListHomeTimelineRequest, Post};
use kith_contracts::social_graph::v1::FollowRequest;
use kith_contracts::social_graph::v1::social_graph_service_client::SocialGraphServiceClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const PASSWORD: &str = "correct horse battery staple";

/// Where each service is, as a URL.
pub(crate) struct Urls {
    pub(crate) identity: String,
    pub(crate) social_graph: String,
    pub(crate) posts: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut given = std::env::args().skip(1);
    let mut url = |port| given.next().unwrap_or(format!("http://127.0.0.1:{port}"));
    let urls = Urls {
        identity: url(50051),
        social_graph: url(50052),
        posts: url(50053),
    };
    tour(&urls).await
}

/// The whole of it.
pub(crate) async fn tour(urls: &Urls) -> Result<()> {
    // One channel for each service, for the whole program: it keeps a connection to each server of the service, and its
    // clones share them. Nothing connects before the first call.
    let identity = channel(&urls.identity)?;
    let (ada, mut bo) = (sign_up(&identity, "ada").await?, sign_up(&identity, "bo").await?);

    bo.session = keep_signed_in(&identity, &bo).await?;
    follow(&channel(&urls.social_graph)?, &ada, &bo).await?;
    let posts = channel(&urls.posts)?;
    let post = write_once(&posts, &ada).await?;
    read_pages(&posts, &bo).await?;
    hold_to_a_deadline(&posts, &bo).await?;
    go_on_when_a_server_dies(&urls.posts, &bo, post.id).await
}

/// A user who is signed in.
struct User {
    id: i64,
    session: UserSession,
}

/// Registers a user, and signs in.
async fn sign_up(identity: &Channel, name: &str) -> Result<User> {
    let mut client = IdentityServiceClient::new(identity.clone());
    let username = format!("{name}.{}", uuid::Uuid::new_v4().simple());
    let request = RegisterRequest {
        username: username.clone(),
        password: PASSWORD.to_owned(),
        ..RegisterRequest::default()
    };
    let registered = client.register(request).await?.into_inner();
    let request = AuthenticateRequest {
        identifier: Some(authenticate_request::Identifier::Username(username)),
        password: PASSWORD.to_owned(),
        device_label: "the tour".to_owned(),
    };
    let signed_in = client.authenticate(request).await?.into_inner();
    let user = registered
        .account
        .and_then(|account| account.user)
        .ok_or("no user")?;
    println!("{} is user {}", user.username, user.id);
    let session = UserSession::new(identity, signed_in)?;
    Ok(User { id: user.id, session })
}

/// The session fetches a new access token before the old one ends, once for all calls; nothing needs to be done for it. A
/// program that ends keeps the refresh token, and the next one goes on from it: never both, for each renewal gives another,
/// and one that is used again ends the session.
async fn keep_signed_in(identity: &Channel, user: &User) -> Result<UserSession> {
    let kept = user.session.refresh_token();
    let session = UserSession::resumed(identity, kept);
    let mut client = IdentityServiceClient::new(identity.with_token(session.clone()));
    let me = client.who_am_i(WhoAmIRequest {}).await?.into_inner();
    assert_eq!(me.user.map(|me| me.id), Some(user.id));
    println!("session {} was resumed", me.session_id);
    Ok(session)
}

/// With `allow_existing` a follow may be repeated, by a user who clicks twice as by a program that lost an answer. What cannot
/// be done says so by a reason, which a program can match; the message is for people.
async fn follow(social_graph: &Channel, followed: &User, follower: &User) -> Result<()> {
    let mut client = SocialGraphServiceClient::new(social_graph.with_token(follower.session.clone()));
    let request = |user_id| FollowRequest {
        user_id,
        allow_existing: true,
    };
    for _ in 0..2 {
        let answer = client.follow(request(followed.id)).await?.into_inner();
        println!(
            "{} follows {}, also before: {}",
            follower.id, followed.id, answer.existing
        );
    }
    let refused = client.follow(request(follower.id)).await.expect_err("nobody can");
    match reason(&refused) {
        Some(ErrorReason::SelfFollow) => println!("refused for its reason: {}", refused.message()),
        _ => return Err(refused.into()),
    }
    Ok(())
}

/// The reason of an error of Kith.
fn reason(status: &Status) -> Option<ErrorReason> {
    let info = status
        .get_details_error_info()
        .filter(|info| info.domain == "kith")?;
    ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason))
}

/// A create with a `request_id` can be sent again after whatever went wrong: it is made once.
async fn write_once(posts: &Channel, author: &User) -> Result<Post> {
    let mut client = PostsServiceClient::new(posts.with_token(author.session.clone()));
    let mut last = None;
    for content in ["One", "Two", "Three"] {
        let request = CreatePostRequest {
            content: content.to_owned(),
            request_id: uuid::Uuid::new_v4().to_string(),
            ..CreatePostRequest::default()
        };
        client.create_post(request.clone()).await?;
        let again = client.create_post(request).await?.into_inner();
        let post = again.post.ok_or("no post")?;
        assert!(again.replayed, "it was written twice");
        println!("post {} was sent twice and written once", post.id);
        last = Some(post);
    }
    last.ok_or_else(|| "nothing was written".into())
}

/// All lists are read like this.
async fn read_pages(posts: &Channel, reader: &User) -> Result<()> {
    let mut client = PostsServiceClient::new(posts.with_token(reader.session.clone()));
    let mut request = ListHomeTimelineRequest {
        page_size: 2,
        page_token: String::new(),
    };
    loop {
        let page = client.list_home_timeline(request.clone()).await?.into_inner();
        let texts = page
            .items
            .iter()
            .filter_map(|item| Some(item.post.as_ref()?.content.as_str()));
        println!("a page of the timeline: {}", texts.collect::<Vec<_>>().join(", "));
        if page.next_page_token.is_empty() {
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}

/// A deadline is for the call with all its attempts, and the server gets what is left of it. A call that brings none has the
/// server's, 10 seconds by default, and never more than [`Builder::call_within`].
async fn hold_to_a_deadline(posts: &Channel, reader: &User) -> Result<()> {
    let mut client = PostsServiceClient::new(posts.with_token(reader.session.clone()));
    let mut request = Request::new(ListHomeTimelineRequest::default());
    request.set_timeout(Duration::from_secs(2));
    client.list_home_timeline(request).await?;
    println!("answered within two seconds");

    let mut request = Request::new(ListHomeTimelineRequest::default());
    request.set_timeout(Duration::ZERO);
    match client.list_home_timeline(request).await {
        // UNAVAILABLE when there was no connection in that time.
        Err(late) if [Code::DeadlineExceeded, Code::Unavailable].contains(&late.code()) => {
            println!("too late at once: {}", late.message());
            Ok(())
        }
        other => Err(format!("answered after no time: {other:?}").into()),
    }
}

/// Reads, and whatever certainly was not done, are sent again by themselves, to another server where there is one: here one of
/// two servers dies of every call. Where there is nobody, a call ends in time. What a [`Builder`] is not told has the
/// default that the README lists.
async fn go_on_when_a_server_dies(url: &str, reader: &User, post_id: i64) -> Result<()> {
    let died = Arc::new(AtomicUsize::new(0));
    let dying = dying_server(Arc::clone(&died)).await?;
    let one_of_two = Builder::new(url)
        .connect_within(Duration::from_secs(1))
        .call_within(Duration::from_secs(10))
        .max_attempts(4)
        .resolver(move |host: String, port: u16| async move {
            let found = tokio::net::lookup_host((host, port)).await?;
            Ok([dying].into_iter().chain(found).collect::<Vec<SocketAddr>>())
        })
        .build()?;
    let mut client = PostsServiceClient::new(one_of_two.with_token(reader.session.clone()));
    let mut reads = 0;
    while died.load(Ordering::Relaxed) == 0 {
        client.get_post(GetPostRequest { post_id }).await?;
        reads += 1;
    }
    println!("a server died of a call, and {reads} of {reads} reads were answered");

    let gone = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let nobody = Builder::new(format!("http://{gone}"))
        .call_within(Duration::from_secs(1))
        .build()?;
    let mut client = PostsServiceClient::new(nobody.with_token(reader.session.clone()));
    let failed = client.get_post(GetPostRequest { post_id }).await;
    match failed.map_err(|status| status.code()) {
        Err(Code::Unavailable) => println!("and a call to nobody ended in time"),
        other => return Err(format!("expected UNAVAILABLE, got {other:?}").into()),
    }
    Ok(())
}

/// Speaks as much HTTP/2 as it takes to be called, and counts how often it died of that.
async fn dying_server(died: Arc<AtomicUsize>) -> Result<SocketAddr> {
    const EMPTY_SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    const HEADERS: u8 = 1;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let died = Arc::clone(&died);
            tokio::spawn(async move {
                socket.write_all(&EMPTY_SETTINGS).await?;
                socket.read_exact(&mut [0; 24]).await?;
                loop {
                    let mut head = [0; 9];
                    socket.read_exact(&mut head).await?;
                    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
                    tokio::io::copy(&mut (&mut socket).take(length.into()), &mut tokio::io::sink()).await?;
                    if head[3] == HEADERS {
                        died.fetch_add(1, Ordering::Relaxed);
                        return std::io::Result::Ok(());
                    }
                }
            });
        }
    });
    Ok(address)
}
