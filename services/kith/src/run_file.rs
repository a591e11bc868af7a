//! What `kith up` tells the other commands, through a file in its data directory.

use std::collections::BTreeMap;
use std::fmt;

use kith_rpc::TokenSettings;

/// The facts of a running `kith up`.
#[derive(Clone, Debug)]
pub(crate) struct RunFile {
    /// Its process.
    pub(crate) pid: u32,
    /// Where identity is, as a URL.
    pub(crate) identity: String,
    /// Where social-graph is, as a URL.
    pub(crate) social_graph: String,
    /// Where posts is, as a URL.
    pub(crate) posts: String,
    /// Where messaging is, as a URL.
    pub(crate) messaging: String,
    /// What its tokens say of themselves.
    pub(crate) tokens: TokenSettings,
}

impl RunFile {
    /// Reads what [`fmt::Display`] writes; `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut facts: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once(' ')).collect();
        let mut fact = |name| facts.remove(name).map(str::to_owned);
        Some(Self {
            pid: fact("pid")?.parse().ok()?,
            identity: fact("identity")?,
            social_graph: fact("social-graph")?,
            posts: fact("posts")?,
            messaging: fact("messaging")?,
            tokens: TokenSettings {
                issuer: fact("token-issuer")?,
                audience: fact("token-audience")?,
            },
        })
    }
}

impl fmt::Display for RunFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            pid,
            identity,
            social_graph,
            posts,
            messaging,
            tokens: TokenSettings { issuer, audience },
        } = self;
        writeln!(f, "pid {pid}\nidentity {identity}\nsocial-graph {social_graph}")?;
        writeln!(f, "posts {posts}\nmessaging {messaging}")?;
        writeln!(f, "token-issuer {issuer}\ntoken-audience {audience}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let tokens = TokenSettings {
            issuer: "https://kith.test".to_owned(),
            audience: "two words".to_owned(),
        };
        let facts = RunFile {
            pid: 7,
            identity: "http://[::1]:1".to_owned(),
            social_graph: "http://b:2".to_owned(),
            posts: "http://c:3".to_owned(),
            messaging: "http://d:4".to_owned(),
            tokens,
        };
        let read = RunFile::parse(&facts.to_string()).expect("its own text");
        assert_eq!(read.to_string(), facts.to_string());
    }

    #[test]
    fn half_a_file_is_none() {
        assert!(RunFile::parse("pid 7\nidentity http://a:1\nsocial-graph http://b:2\n").is_none());
    }
}
