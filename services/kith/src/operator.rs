//! Which Kith a command is for, and the rights that it calls with.

use std::time::Duration;

use kith_client::{BearerToken, Builder, Channel, TlsFiles};
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_contracts::social_graph::v1::social_graph_service_client::SocialGraphServiceClient;
use kith_rpc::process::AnyError;
use kith_settings::{Reader, Setting, Topic};
use secrecy::SecretString;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Status};

use crate::data_directory::DataDirectory;
use crate::local::Local;
use crate::run_file::RunFile;

const IDENTITY_URL: Setting = kith_service::IDENTITY_URL
    .optional()
    .help("where identity is; by default, what is up on the data directory");
const SOCIAL_GRAPH_URL: Setting = Setting::new(
    "social-graph-url",
    "where social-graph is; by default, what is up on the data directory",
)
.value("a URL such as http://127.0.0.1:50052");
const OPERATOR_TOKEN: Setting = Setting::new(
    "operator-token",
    "the access token to call with, where URLs are given",
)
.value("a token with the scopes that the command needs")
.secret();

/// How long one call of an operator may take.
pub(crate) const CALL_WITHIN: Duration = Duration::from_secs(30);

/// Which Kith is meant.
#[derive(Clone, Debug)]
pub(crate) enum OperatorSettings {
    /// The one that is up on a data directory.
    Local(DataDirectory),
    /// Any other.
    Remote {
        identity: String,
        social_graph: String,
        tls: TlsFiles,
        token: BearerToken,
    },
}

impl Topic for OperatorSettings {
    fn settings() -> Vec<&'static Setting> {
        [
            DataDirectory::settings(),
            vec![&IDENTITY_URL, &SOCIAL_GRAPH_URL, &OPERATOR_TOKEN],
            TlsFiles::settings(),
        ]
        .concat()
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let directory = DataDirectory::read(reader);
        let identity = optional_address(reader, &IDENTITY_URL);
        let social_graph = optional_address(reader, &SOCIAL_GRAPH_URL);
        let token = reader.optional(&OPERATOR_TOKEN, |reader, setting| {
            reader.secret_with(setting, parse_token)
        });
        let tls = TlsFiles::read(reader);
        match (identity?, social_graph?, token?) {
            (None, None, _) => directory.map(Self::Local),
            (Some(identity), Some(social_graph), Some(token)) => Some(Self::Remote {
                identity,
                social_graph,
                tls: tls?,
                token,
            }),
            (identity, social_graph, token) => {
                let needed = [
                    (&IDENTITY_URL, identity.is_none()),
                    (&SOCIAL_GRAPH_URL, social_graph.is_none()),
                    (&OPERATOR_TOKEN, token.is_none()),
                ];
                for (setting, _) in needed.into_iter().filter(|(_, is_missing)| *is_missing) {
                    reader.mistake(setting, "is required for a Kith at given URLs");
                }
                None
            }
        }
    }
}

fn optional_address(reader: &mut Reader<'_>, setting: &'static Setting) -> Option<Option<String>> {
    reader.optional(setting, |reader, setting| {
        reader.value_with(setting, kith_client::address)
    })
}

fn parse_token(text: &str) -> Result<BearerToken, &'static str> {
    BearerToken::new(&SecretString::from(text)).map_err(|_| "is not ASCII")
}

/// Somebody with rights that users do not have, and the services to use them on.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    identity: Channel,
    social_graph: Channel,
    credentials: Credentials,
}

/// A connection on which every call proves the operator.
pub(crate) type Authenticated = InterceptedService<Channel, Credentials>;

impl Operator {
    /// The operator of the Kith that is meant. Where we sign its tokens, they have these scopes.
    pub(crate) async fn of(
        settings: OperatorSettings,
        scopes: &'static [&'static str],
    ) -> Result<Self, AnyError> {
        match settings {
            OperatorSettings::Local(directory) => {
                let local = Local::find(&directory).await?;
                let RunFile {
                    identity,
                    social_graph,
                    ..
                } = local.facts().clone();
                Self::at(
                    [&identity, &social_graph],
                    &TlsFiles::default(),
                    Credentials::Signed(Box::new(local), scopes),
                )
            }
            OperatorSettings::Remote {
                identity,
                social_graph,
                tls,
                token,
            } => Self::at([&identity, &social_graph], &tls, Credentials::Given(token)),
        }
    }

    fn at(addresses: [&str; 2], tls: &TlsFiles, credentials: Credentials) -> Result<Self, AnyError> {
        let [identity, social_graph] =
            addresses.map(|address| Builder::new(address).tls(tls.clone()).build());
        Ok(Self {
            identity: identity?,
            social_graph: social_graph?,
            credentials,
        })
    }

    pub(crate) fn identity(&self) -> IdentityServiceClient<Authenticated> {
        IdentityServiceClient::with_interceptor(self.identity.clone(), self.credentials.clone())
    }

    pub(crate) fn social_graph(&self) -> SocialGraphServiceClient<Authenticated> {
        SocialGraphServiceClient::with_interceptor(self.social_graph.clone(), self.credentials.clone())
    }
}

/// What proves the operator.
#[derive(Clone, Debug)]
pub(crate) enum Credentials {
    /// A token that we were given; when it ends, so does the work.
    Given(BearerToken),
    /// A new token with these scopes for each call, so that the work may take longer than a token lives.
    Signed(Box<Local>, &'static [&'static str]),
}

impl Interceptor for Credentials {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        match self {
            Credentials::Given(token) => token.call(request),
            Credentials::Signed(local, scopes) => {
                let token = local
                    .operator_token(scopes.iter().copied())
                    .map_err(|error| Status::internal(error.to_string()))?;
                BearerToken::new(&token)
                    .map_err(|error| Status::internal(error.to_string()))?
                    .call(request)
            }
        }
    }
}
