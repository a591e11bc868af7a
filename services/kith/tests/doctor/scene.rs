//! A doctor, whom it is asked about, and what it says.

use std::path::Path;
use std::process::Command;

use diesel_async::SimpleAsyncConnection;
use kith_postgres::DatabaseUrl;
use kith_schema::Role;
use kith_testkit::TestDatabase;
use serde_json::Value;

use crate::support::{kith, run_command};

/// What a doctor has said.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: Option<i32>,
    findings: Vec<Value>,
}

impl Said {
    /// Asks for the findings as programs read them. `command` is that of [`doctor`].
    pub(super) fn by(command: &mut Command) -> Self {
        let said = run_command(command);
        let document: Value =
            serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"));
        let findings = document["findings"].as_array().expect("findings").clone();
        let count = |state| {
            findings
                .iter()
                .filter(|finding| finding["state"] == state)
                .count()
        };
        assert_eq!(document["problems"], count("problem"));
        assert_eq!(said.code, Some(i32::from(count("problem") > 0)), "{said:?}");
        Self {
            code: said.code,
            findings,
        }
    }

    /// The findings of a check that are worth a word, or that are not when none is.
    pub(super) fn of(&self, check: &str) -> &Value {
        let of_check = |finding: &&Value| finding["check"] == check;
        let bad = |finding: &&Value| finding["state"] != "ok";
        let found = self.findings.iter().filter(of_check).find(bad);
        found
            .or_else(|| self.findings.iter().find(of_check))
            .unwrap_or_else(|| panic!("no {check}: {self:#?}"))
    }

    pub(super) fn state(&self, check: &str) -> &str {
        text(&self.of(check)["state"])
    }

    /// What was seen, for a check that is in `state`.
    pub(super) fn seen(&self, check: &str, state: &str) -> &str {
        assert_eq!(self.state(check), state, "{:#?}", self.of(check));
        text(&self.of(check)["seen"])
    }

    /// What to paste: statements or a command, as `how` says.
    pub(super) fn fix(&self, check: &str, how: &str) -> &str {
        let fix = &self.of(check)["fix"];
        assert_eq!(fix["how"], how, "{:#?}", self.of(check));
        text(&fix["text"])
    }

    /// The checks in this state.
    pub(super) fn checks(&self, state: &str) -> Vec<&str> {
        let those = self.findings.iter().filter(|finding| finding["state"] == state);
        those.map(|finding| text(&finding["check"])).collect()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// `kith doctor` where every service would take a free port.
pub(super) fn doctor() -> Command {
    on_free_ports(kith(&["doctor", "--format", "json"]))
}

/// The same for people.
pub(super) fn doctor_for_people() -> Command {
    on_free_ports(kith(&["doctor"]))
}

fn on_free_ports(mut command: Command) -> Command {
    for service in ["IDENTITY", "SOCIAL_GRAPH", "POSTS", "MESSAGING"] {
        command.env(format!("KITH_{service}_LISTEN_ADDRESS"), "127.0.0.1:0");
    }
    command
}

/// The variable with the URL of a service.
pub(super) fn variable(role: Role) -> String {
    format!("{}_DATABASE_URL", role.name().to_uppercase())
}

/// With the URLs of the owner and of every service.
pub(super) fn with_urls(mut command: Command, database: &TestDatabase) -> Command {
    command.env("KITH_DATABASE_URL", database.owner_url().expose());
    for role in Role::ALL {
        command.env(variable(*role), database.url(*role).expose());
    }
    command
}

/// What a doctor says of a database, as a migration and all services would have it.
pub(super) fn said_of(database: &TestDatabase) -> Said {
    Said::by(&mut with_urls(doctor(), database))
}

/// Runs each line as a statement of its own, as psql does.
pub(super) async fn paste(url: &DatabaseUrl, statements: &str) {
    let mut conn = url.connect().await.expect("a connection");
    for statement in statements.lines() {
        conn.batch_execute(statement)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

/// Runs a printed command, and then `then`, in one shell that finds `kith`.
pub(super) fn in_shell(fix: &str, then: &Command) -> Command {
    let kith = Path::new(env!("CARGO_BIN_EXE_kith"));
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", &format!("set -e\n{{ {fix}\n}} >&2\nexec \"$@\""), "sh"])
        .arg(then.get_program())
        .args(then.get_args());
    for (name, value) in then.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env(
        "PATH",
        format!("{}:{path}", kith.parent().expect("a directory").display()),
    );
    command
}
