//! `kith health`: whether services serve, for whoever has nothing else to ask with, such as a container's health check.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};
use futures::future::join_all;
use kith_client::{Builder, Channel, TlsFiles};
use kith_rpc::process;
use kith_settings::{Environment, Invocation, args};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::Refusal;
use crate::report;

const ADDRESS: &str = "address";
/// How long a service may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// What is said of one that does.
const SERVES: &str = "serves";

pub(super) fn command() -> Command {
    let address = Arg::new(ADDRESS)
        .value_name("ADDRESS")
        .required(true)
        .action(ArgAction::Append);
    let help = "whom to ask, at the admin port or the one for calls, such as http://127.0.0.1:50061; may be repeated";
    Command::new("health")
        .about("Asks services whether they serve")
        .arg(address.help(help))
        .args(args::<TlsFiles>())
        .after_help(
            "Exit codes: 0 when all of them serve, 1 when one does not, 2 for mistakes in the settings",
        )
}

pub(super) fn run(
    invocation: &Invocation,
    matches: &ArgMatches,
    environment: &Environment,
) -> Result<ExitCode, Refusal> {
    let tls: TlsFiles = invocation.read(matches, environment)?;
    let addresses: Vec<_> = matches
        .get_many::<String>(ADDRESS)
        .into_iter()
        .flatten()
        .collect();
    let channels: Result<Vec<_>, Refusal> = addresses.iter().map(|address| channel(address, &tls)).collect();
    let answers = process::runtime()?.block_on(join_all(channels?.into_iter().map(ask)));
    let told: String = addresses
        .iter()
        .zip(&answers)
        .map(|(address, answer)| format!("{address} {answer}\n"))
        .collect();
    report::result(&told)?;
    Ok(match answers.iter().all(|answer| answer == SERVES) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn channel(address: &str, tls: &TlsFiles) -> Result<Channel, Refusal> {
    let builder = Builder::new(address).tls(tls.clone());
    let once = builder.call_within(ANSWER_WITHIN).max_attempts(1);
    once.build()
        .map_err(|error| Refusal::Usage(kith_primitives::chain(&error)))
}

/// What is to be said of the service, in the words that follow its address.
async fn ask(channel: Channel) -> String {
    let request = HealthCheckRequest {
        service: String::new(),
    };
    match HealthClient::new(channel).check(request).await {
        Ok(answer) if answer.get_ref().status() == ServingStatus::Serving => SERVES.to_owned(),
        Ok(_) => "does not serve".to_owned(),
        Err(status) => format!("does not answer: {}", status.message()),
    }
}
