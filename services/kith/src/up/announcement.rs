//! What `kith up` says once everything runs: where it is, and calls to paste.

use std::fmt;

use super::{Cast, Postgres};
use crate::command_line::own_command;
use crate::data_directory::DataDirectory;
use crate::local::Local;
use crate::run_file::RunFile;

/// The password of users who are there to be tried with.
pub(crate) const PASSWORD: &str = "correct horse";
const REGISTER: &str = "kith.identity.v1.IdentityService/Register";
const WHO_AM_I: &str = "kith.identity.v1.IdentityService/WhoAmI";
const FOLLOW: &str = "kith.social_graph.v1.SocialGraphService/Follow";
const LIST_FOLLOWERS: &str = "kith.social_graph.v1.SocialGraphService/ListFollowers";
const CREATE_POST: &str = "kith.posts.v1.PostsService/CreatePost";
const SEND_MESSAGE: &str = "kith.messaging.v1.MessagingService/SendMessage";

/// Everything that it is made from.
#[derive(Debug)]
pub(crate) struct Announcement<'a> {
    pub(crate) local: &'a Local,
    pub(crate) postgres: &'a Postgres,
    pub(crate) directory: &'a DataDirectory,
    /// The URLs of the services' metrics.
    pub(crate) metrics: &'a [String],
    pub(crate) cast: Cast,
}

impl fmt::Display for Announcement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RunFile {
            identity,
            social_graph,
            posts,
            messaging,
            ..
        } = self.local.facts();
        writeln!(f, "\nidentity      {}", address(identity))?;
        writeln!(f, "social-graph  {}", address(social_graph))?;
        writeln!(f, "posts         {}", address(posts))?;
        writeln!(f, "messaging     {}", address(messaging))?;
        if !self.metrics.is_empty() {
            writeln!(f, "metrics       {}", self.metrics.join(" "))?;
        }
        writeln!(f, "database      {}", self.postgres.owner())?;
        writeln!(f, "data          {}\n", self.directory.path().display())?;
        let calls = Calls {
            facts: self.local.facts(),
            cast: &self.cast,
            token: own_command("token", self.directory),
        };
        writeln!(f, "Calls to paste into another terminal:\n\n{calls}")
    }
}

/// The calls, a line each.
struct Calls<'a> {
    facts: &'a RunFile,
    cast: &'a Cast,
    /// The command that prints a token, less whose.
    token: String,
}

impl fmt::Display for Calls<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            facts:
                RunFile {
                    identity,
                    social_graph,
                    posts,
                    messaging,
                    ..
                },
            cast:
                Cast {
                    newcomers,
                    caller,
                    followed,
                },
            ..
        } = self;
        for newcomer in newcomers {
            writeln!(f, "{}", register_call(newcomer, identity))?;
        }
        let header = format!(r#""authorization: Bearer $({} {caller})""#, self.token);
        let user = format!(r#"{{"user_id": {followed}}}"#);
        writeln!(
            f,
            "grpcurl -plaintext -H {header} {} {WHO_AM_I}",
            address(identity)
        )?;
        for method in [FOLLOW, LIST_FOLLOWERS] {
            writeln!(
                f,
                "grpcurl -plaintext -H {header} -d '{user}' {} {method}",
                address(social_graph)
            )?;
        }
        let post = r#"{"content": "Hello, #kith"}"#;
        let message = format!(r#"{{"receiver_id": {followed}, "content": "Hello"}}"#);
        for (body, url, method) in [
            (post, posts, CREATE_POST),
            (message.as_str(), messaging, SEND_MESSAGE),
        ] {
            writeln!(
                f,
                "grpcurl -plaintext -H {header} -d '{body}' {} {method}",
                address(url)
            )?;
        }
        let buf = "buf curl --protocol grpc --http2-prior-knowledge";
        writeln!(f, "{buf} -H {header} -d '{user}' {social_graph}/{LIST_FOLLOWERS}")
    }
}

/// The call that registers `username` with the identity at the URL `identity`.
pub(crate) fn register_call(username: &str, identity: &str) -> String {
    let body = format!(r#"{{"username": "{username}", "password": "{PASSWORD}"}}"#);
    format!("grpcurl -plaintext -d '{body}' {} {REGISTER}", address(identity))
}

/// grpcurl wants no scheme.
pub(crate) fn address(url: &str) -> &str {
    url.strip_prefix("http://").unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use kith_rpc::TokenSettings;

    use super::*;

    #[test]
    fn the_calls_can_be_pasted_as_they_are() {
        let facts = RunFile {
            pid: 1,
            identity: "http://127.0.0.1:50051".to_owned(),
            social_graph: "http://127.0.0.1:50052".to_owned(),
            posts: "http://127.0.0.1:50053".to_owned(),
            messaging: "http://127.0.0.1:50054".to_owned(),
            tokens: TokenSettings {
                issuer: "kith".to_owned(),
                audience: "kith".to_owned(),
            },
        };
        let cast = Cast {
            newcomers: vec!["alice", "bob"],
            caller: "bob",
            followed: 1,
        };
        let calls = Calls {
            facts: &facts,
            cast: &cast,
            token: "kith token".to_owned(),
        }
        .to_string();
        assert_eq!(
            calls,
            r#"grpcurl -plaintext -d '{"username": "alice", "password": "correct horse"}' 127.0.0.1:50051 kith.identity.v1.IdentityService/Register
grpcurl -plaintext -d '{"username": "bob", "password": "correct horse"}' 127.0.0.1:50051 kith.identity.v1.IdentityService/Register
grpcurl -plaintext -H "authorization: Bearer $(kith token bob)" 127.0.0.1:50051 kith.identity.v1.IdentityService/WhoAmI
grpcurl -plaintext -H "authorization: Bearer $(kith token bob)" -d '{"user_id": 1}' 127.0.0.1:50052 kith.social_graph.v1.SocialGraphService/Follow
grpcurl -plaintext -H "authorization: Bearer $(kith token bob)" -d '{"user_id": 1}' 127.0.0.1:50052 kith.social_graph.v1.SocialGraphService/ListFollowers
grpcurl -plaintext -H "authorization: Bearer $(kith token bob)" -d '{"content": "Hello, #kith"}' 127.0.0.1:50053 kith.posts.v1.PostsService/CreatePost
grpcurl -plaintext -H "authorization: Bearer $(kith token bob)" -d '{"receiver_id": 1, "content": "Hello"}' 127.0.0.1:50054 kith.messaging.v1.MessagingService/SendMessage
buf curl --protocol grpc --http2-prior-knowledge -H "authorization: Bearer $(kith token bob)" -d '{"user_id": 1}' http://127.0.0.1:50052/kith.social_graph.v1.SocialGraphService/ListFollowers
"#
        );
    }
}
