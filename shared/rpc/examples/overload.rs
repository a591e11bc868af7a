//! What overload does to the calls that are served, and to those that are not.
//!
//! ```text
//! cargo run --release -p kith-rpc --example overload [LIMIT] [MILLISECONDS OF A CALL] [SECONDS OF A PHASE]
//! ```
//!
//! One server that takes 64 calls at once, each of which takes 50 ms, give or take half, as one that waits for its
//! database does. First 64 callers call it without pause, then four times as many. Whoever is refused waits as long as a
//! call takes before it tries again, so that the offered load is what the callers are many. Callers and server have a
//! runtime each, all tokens are verified, and the line of each call in the access log is written to nowhere.

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::any;
use futures::future::{BoxFuture, try_join_all};
use kith_contracts::social_graph::v1::social_graph_service_client::SocialGraphServiceClient;
use kith_contracts::social_graph::v1::social_graph_service_server::SERVICE_NAME;
use kith_contracts::social_graph::v1::{GetFollowRequest, GetFollowResponse};
use kith_primitives::{Caller, UserId};
use kith_rpc::{Authentication, Readiness, Server, ServerSettings, unary};
use kith_telemetry::{LogFormat, LogSettings};
use kith_tokens::{Issuer, SharedKeys, SigningKey, Verifier, VerifyingKeys};
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tonic::metadata::AsciiMetadataValue;
use tonic::server::{Grpc, UnaryService};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;
use tracing_subscriber::filter::{LevelFilter, Targets};

const ISSUER: &str = "overload";
/// Users, each of whom may have all the calls.
const USERS: i64 = 16;
const CONNECTIONS: usize = 8;

type AnyError = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), AnyError> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (limit, takes, phase) = (number(64)?, number(50)?, number(10)?);
    let (takes, phase) = (Duration::from_millis(takes), Duration::from_secs(phase));
    let limit = usize::try_from(limit)?;
    let settings = LogSettings {
        format: LogFormat::Json,
        filter: Targets::new().with_default(LevelFilter::INFO),
    };
    tracing::dispatcher::set_global_default(kith_telemetry::subscriber(&settings, std::io::sink, None))?;

    let server = Runtime::new()?;
    let key = SigningKey::generate()?;
    let issuer = Issuer::new(key.clone(), ISSUER, ISSUER)?;
    let address = server.block_on(serve(&key, limit, takes))?;
    println!("limit {limit}, {takes:?} for each call, {phase:?} for each phase");
    Runtime::new()?.block_on(async {
        let load = Load::new(address, &issuer, takes).await?;
        load.run(limit, Duration::from_secs(1)).await?;
        for callers in [limit, 4 * limit] {
            load.run(callers, phase).await?.print(callers, phase);
        }
        Ok(())
    })
}

/// Starts a server whose calls take this time, and answers where it listens.
async fn serve(key: &SigningKey, limit: usize, takes: Duration) -> Result<SocketAddr, AnyError> {
    let route = any(async move |request: axum::extract::Request| {
        let mut grpc = Grpc::new(ProstCodec::default());
        grpc.unary(GetFollow { takes }, request).await
    });
    let routes = Router::new().route(&format!("/{SERVICE_NAME}/GetFollow"), route);
    let keys = SharedKeys::new();
    keys.replace(VerifyingKeys::new([key.public_key()]), Instant::now());
    let readiness = Readiness::new();
    readiness.latch("example").set(true);
    let server = Server {
        service: SERVICE_NAME,
        routes: routes.into(),
        settings: ServerSettings {
            max_concurrent_calls: limit,
            max_concurrent_calls_per_caller: limit,
            ..ServerSettings::default()
        },
        authentication: Authentication {
            verifier: Verifier::new(ISSUER, ISSUER)?,
            keys,
        },
        readiness,
        metrics: kith_telemetry::Metrics::new("overload"),
        shutdown: CancellationToken::new(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(server.serve(listener.into()));
    Ok(address)
}

/// The one handler.
#[derive(Clone)]
struct GetFollow {
    takes: Duration,
}

impl UnaryService<GetFollowRequest> for GetFollow {
    type Response = GetFollowResponse;
    type Future = BoxFuture<'static, Result<Response<GetFollowResponse>, Status>>;

    fn call(&mut self, request: Request<GetFollowRequest>) -> Self::Future {
        let takes = self.takes;
        Box::pin(unary(request, async move |_: Caller, _| {
            sleep(about(takes)).await;
            Ok(GetFollowResponse::default())
        }))
    }
}

/// Those who call.
struct Load {
    channels: Vec<Channel>,
    tokens: Vec<AsciiMetadataValue>,
    pause: Duration,
}

/// How long the calls of a phase took.
#[derive(Default)]
struct Took {
    accepted: Vec<Duration>,
    refused: Vec<Duration>,
}

impl Load {
    async fn new(address: SocketAddr, issuer: &Issuer, pause: Duration) -> Result<Self, AnyError> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true);
        let channels = try_join_all((0..CONNECTIONS).map(|_| endpoint.connect())).await?;
        let token = |user| -> Result<AsciiMetadataValue, AnyError> {
            let issued = issuer.user(UserId::from_database(user), "session")?;
            Ok(format!("Bearer {}", issued.token.expose_secret()).parse()?)
        };
        Ok(Self {
            channels,
            tokens: (1..=USERS).map(token).collect::<Result<_, _>>()?,
            pause,
        })
    }

    async fn run(&self, callers: usize, phase: Duration) -> Result<Took, AnyError> {
        let end = Instant::now() + phase;
        let mut tasks = JoinSet::new();
        for caller in 0..callers {
            let client = SocialGraphServiceClient::new(self.channels[caller % CONNECTIONS].clone());
            let token = self.tokens[caller % self.tokens.len()].clone();
            tasks.spawn(call_until(end, client, token, self.pause));
        }
        let mut took = Took::default();
        while let Some(caller) = tasks.join_next().await {
            let caller = caller??;
            took.accepted.extend(caller.accepted);
            took.refused.extend(caller.refused);
        }
        Ok(took)
    }
}

async fn call_until(
    end: Instant,
    mut client: SocialGraphServiceClient<Channel>,
    token: AsciiMetadataValue,
    pause: Duration,
) -> Result<Took, Status> {
    // Or all would come at the same moments.
    sleep(pause.mul_f64(rand::random())).await;
    let mut took = Took::default();
    while Instant::now() < end {
        let mut request = Request::new(GetFollowRequest::default());
        request.metadata_mut().insert("authorization", token.clone());
        let begin = Instant::now();
        match client.get_follow(request).await {
            Ok(_) => took.accepted.push(begin.elapsed()),
            Err(status) if status.code() == Code::ResourceExhausted => {
                took.refused.push(begin.elapsed());
                sleep(about(pause)).await;
            }
            Err(status) => return Err(status),
        }
    }
    Ok(took)
}

impl Took {
    fn print(mut self, callers: usize, phase: Duration) {
        println!("{callers} callers");
        row("accepted", &mut self.accepted, phase);
        row("refused", &mut self.refused, phase);
    }
}

fn row(name: &str, took: &mut [Duration], phase: Duration) {
    took.sort_unstable();
    let (Some(longest), seconds) = (took.last(), phase.as_secs_f64()) else {
        return println!("  {name}: none");
    };
    let part = |thousandths: usize| millis(took[(took.len() - 1) * thousandths / 1000]);
    let (half, p99, p999, longest) = (part(500), part(990), part(999), millis(*longest));
    println!(
        "  {name}: {:.0} a second, p50 {half:.2} ms, p99 {p99:.2} ms, p99.9 {p999:.2} ms, longest {longest:.2} ms",
        took.len() as f64 / seconds
    );
}

fn about(time: Duration) -> Duration {
    time.mul_f64(rand::random_range(0.5..1.5))
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
