//! The Kith that runs on this machine, as the other commands reach it: its addresses, and tokens signed with its key.

use std::collections::BTreeSet;
use std::time::Duration;

use kith_client::BearerToken;
use kith_contracts::identity::v1::batch_get_users_result::Outcome;
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_contracts::identity::v1::{
    BatchGetUsersRequest, ListSigningKeysRequest, SigningKeyState, User, UserKey, user_key,
};
use kith_primitives::{ServiceId, UserId};
use kith_rpc::TokenSettings;
use kith_rpc::process::AnyError;
use kith_tokens::{Issuer, SigningKeys};
use secrecy::SecretString;
use tonic::{Code, Request, Status};

use crate::command_line::own_command;
use crate::data_directory::DataDirectory;
use crate::retry::with_retries;
use crate::run_file::RunFile;

/// The service that whoever holds the data directory calls as: `sub` is `service:1`.
pub(crate) const OPERATOR: ServiceId = ServiceId::from_database(1);
/// The session in the tokens that are signed here for users, who did not sign in.
const SESSION: &str = "kith-token";
/// How long identity may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A running Kith whose data directory we may read.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    directory: DataDirectory,
    facts: RunFile,
    issuer: Issuer,
}

impl Local {
    /// The Kith that runs on `directory`.
    pub(crate) async fn find(directory: &DataDirectory) -> Result<Self, AnyError> {
        let not_up = || {
            let start = own_command("up", directory);
            format!(
                "kith is not up on {}; start it with: {start}",
                directory.path().display()
            )
        };
        // Its facts outlive one that was killed, and its ports may be somebody else's by now.
        if !directory.is_held()? {
            return Err(not_up().into());
        }
        let facts = directory.run_file()?.ok_or_else(not_up)?;
        let keys = directory.signing_keys()?.ok_or_else(not_up)?;
        Self::of(directory.clone(), facts, &keys).await
    }

    /// The one on `directory`, with these facts. Of these keys, the one signs that signs there now.
    pub(crate) async fn of(
        directory: DataDirectory,
        facts: RunFile,
        keys: &SigningKeys,
    ) -> Result<Self, AnyError> {
        let TokenSettings { issuer, audience } = &facts.tokens;
        let issuer = Issuer::new(keys.first().clone(), issuer, audience)?;
        let mut local = Self {
            directory,
            facts,
            issuer,
        };
        let active = local.active_key().await?;
        let key = keys.find(&active).ok_or_else(|| local.not_ours(&active))?;
        local.issuer = local.issuer.with_key(key.clone());
        Ok(local)
    }

    /// The id of the key that signs now.
    async fn active_key(&self) -> Result<String, AnyError> {
        let identity = IdentityServiceClient::new(kith_client::channel(&self.facts.identity)?);
        let answer = with_retries(|| {
            let mut identity = identity.clone();
            let mut request = Request::new(ListSigningKeysRequest::default());
            request.set_timeout(ANSWER_WITHIN);
            async move { identity.list_signing_keys(request).await }
        });
        let keys = answer
            .await
            .map_err(|status| self.explain(&status))?
            .into_inner()
            .keys;
        // The active one comes first.
        let first = keys.into_iter().next();
        let active = first.filter(|key| key.state() == SigningKeyState::Active);
        Ok(active.ok_or("no signing key is active there")?.key_id)
    }

    fn not_ours(&self, key_id: &str) -> AnyError {
        let file = self.directory.signing_key_file();
        format!(
            "the key that signs there now is not in {}: {key_id}",
            file.display()
        )
        .into()
    }

    pub(crate) fn facts(&self) -> &RunFile {
        &self.facts
    }

    /// A token of [`OPERATOR`] with these scopes.
    pub(crate) fn operator_token<'a>(
        &self,
        scopes: impl IntoIterator<Item = &'a str>,
    ) -> Result<SecretString, AnyError> {
        let scopes: BTreeSet<&str> = scopes.into_iter().collect();
        Ok(self.issuer.service(OPERATOR, scopes)?.token)
    }

    /// A token for a user, as if it had signed in.
    pub(crate) fn user_token(&self, user_id: i64) -> Result<SecretString, AnyError> {
        let id = UserId::parse(user_id).map_err(|_| "identity answered a user without id")?;
        Ok(self.issuer.user(id, SESSION)?.token)
    }

    /// Looks users up; `None` for those that do not exist.
    pub(crate) async fn users(&self, keys: Vec<user_key::Key>) -> Result<Vec<Option<User>>, AnyError> {
        let channel = kith_client::channel(&self.facts.identity)?;
        let token = BearerToken::new(&self.operator_token([])?)?;
        let identity = IdentityServiceClient::with_interceptor(channel, token);
        let keys: Vec<_> = keys.into_iter().map(|key| UserKey { key: Some(key) }).collect();
        // On a busy machine, the first connection to the database may take longer than identity waits for it.
        let answer = with_retries(|| {
            let mut identity = identity.clone();
            let mut request = Request::new(BatchGetUsersRequest { keys: keys.clone() });
            request.set_timeout(ANSWER_WITHIN);
            async move { identity.batch_get_users(request).await }
        });
        let results = answer
            .await
            .map_err(|status| self.explain(&status))?
            .into_inner()
            .results;
        results.into_iter().map(|result| found(result.outcome)).collect()
    }

    fn explain(&self, status: &Status) -> AnyError {
        let RunFile { pid, identity, .. } = &self.facts;
        match status.code() {
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => format!(
                "kith up (process {pid}) does not answer at {identity}; if it is gone, start it again with: {}",
                own_command("up", &self.directory)
            ),
            _ => format!("identity at {identity} refused: {}", status.message()),
        }
        .into()
    }
}

/// What identity says of a username, without the place that it had in our call.
fn rule(message: &str) -> String {
    match message.split_once(".username: ") {
        Some((_, rule)) => format!("a username {rule}"),
        None => message.to_owned(),
    }
}

fn found(outcome: Option<Outcome>) -> Result<Option<User>, AnyError> {
    match outcome {
        Some(Outcome::User(user)) => Ok(Some(user)),
        Some(Outcome::Error(status)) if Code::from_i32(status.code) == Code::NotFound => Ok(None),
        Some(Outcome::Error(status)) => Err(rule(&status.message).into()),
        None => Err("identity answered neither a user nor an error".into()),
    }
}
