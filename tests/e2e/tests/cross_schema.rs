//! What one service reads of another's schema: views alone, and each in a step of its statement that stands by itself. So
//! the same statements run where each schema is on a server of its own.
//!
//! Looked at is every text in the services' sources. A step that reads a view must stand as a whole in one text, so that no
//! statement which is put together of several can hide anything. The `kith` program is no service: it works as the owner.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use diesel::sql_types::{Bool, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use kith_testkit::TestDatabase;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The folders of the services, and their schemas.
const SERVICES: [(&str, &str); 4] = [
    ("identity", "identity"),
    ("social-graph", "social_graph"),
    ("posts", "posts"),
    ("messaging", "messaging"),
];

/// The tables and views of a schema, and whether each is a view.
type Schemas = BTreeMap<String, BTreeMap<String, bool>>;

#[derive(QueryableByName)]
struct Relation {
    #[diesel(sql_type = Text)]
    schema: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    is_view: bool,
}

async fn schemas() -> Schemas {
    let relations: Vec<Relation> = sql_query(
        "SELECT nspname::text AS schema, relname::text AS name, relkind = 'v' AS is_view
        FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
        WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND nspname IN ('identity', 'social_graph', 'posts', 'messaging')",
    )
    .load(&mut TestDatabase::create().await.owner().await)
    .await
    .expect("relations");
    let mut schemas = Schemas::new();
    for Relation {
        schema,
        name,
        is_view,
    } in relations
    {
        schemas.entry(schema).or_default().insert(name, is_view);
    }
    schemas
}

/// A word of SQL, with the dots in it, or a single other character; and where it begins.
type Token<'a> = (usize, &'a str);

/// The words and signs of a piece of SQL, without comments and quoted text.
fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = sql[at..].chars().next() {
        let rest = &sql[at..];
        let until = |end: &str, from: usize| {
            rest[from..]
                .find(end)
                .map_or(rest.len(), |found| from + found + end.len())
        };
        let is_word = |char: char| char.is_alphanumeric() || char == '_' || char == '.';
        let length = match first {
            '\'' => until("'", 1),
            '-' if rest.starts_with("--") => until("\n", 2),
            '/' if rest.starts_with("/*") => until("*/", 2),
            _ if first.is_whitespace() => first.len_utf8(),
            _ => {
                let length = rest
                    .find(|char| !is_word(char))
                    .unwrap_or(rest.len())
                    .max(first.len_utf8());
                tokens.push((at, &rest[..length]));
                length
            }
        };
        at += length;
    }
    tokens
}

/// The steps `AS MATERIALIZED ( ... )` of a text, as ranges of its tokens without the parentheses; none for one that does not
/// end in it.
fn steps(tokens: &[Token<'_>]) -> Vec<std::ops::Range<usize>> {
    let (mut open, mut steps) = (Vec::new(), Vec::new());
    for (at, (_, token)) in tokens.iter().enumerate() {
        match *token {
            "(" => open.push(at),
            ")" => {
                let Some(start) = open.pop() else { continue };
                let before = |places: usize| start.checked_sub(places).map_or("", |place| tokens[place].1);
                if before(1).eq_ignore_ascii_case("MATERIALIZED") && before(2).eq_ignore_ascii_case("AS") {
                    steps.push(start + 1..at);
                }
            }
            _ => {}
        }
    }
    steps
}

/// What a name stands for, if it begins with that of a schema. A longer one, such as a scope's, stands for nothing.
fn qualified<'a>(schemas: &Schemas, word: &'a str) -> Option<(&'a str, &'a str)> {
    let (schema, name) = word.split_once('.')?;
    (schemas.contains_key(schema) && !name.contains('.')).then_some((schema, name))
}

/// The views of others that a text of a service names, and what is wrong with it.
fn check(schemas: &Schemas, own: &str, sql: &str) -> (BTreeSet<String>, Vec<String>) {
    let tokens = tokens(sql);
    let steps = steps(&tokens);
    let (mut views, mut wrong) = (BTreeSet::new(), Vec::new());
    for (at, (_, word)) in tokens.iter().enumerate() {
        let Some((schema, name)) = qualified(schemas, word).filter(|(schema, _)| *schema != own) else {
            continue;
        };
        match schemas[schema].get(name) {
            Some(true) => views.insert((*word).to_owned()),
            Some(false) => {
                wrong.push(format!("{word} is no view"));
                continue;
            }
            // A function, or a word that is no SQL.
            None => continue,
        };
        let around = steps.iter().filter(|step| step.contains(&at));
        match around.min_by_key(|step| step.len()) {
            None => wrong.push(format!(
                "{word} is not in a step that is materialized and ends in this text"
            )),
            Some(step) => wrong.extend(beside(schemas, own, schema, &tokens[step.clone()])),
        }
    }
    (views, wrong)
}

/// What a step that reads a view of `schema` names of other schemas.
fn beside(schemas: &Schemas, own: &str, schema: &str, step: &[Token<'_>]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut before = "";
    for (_, word) in step {
        if qualified(schemas, word).is_some_and(|(other, _)| other != schema) {
            wrong.push(format!("{word} is in a step with a view of {schema}"));
        }
        let is_read = ["from", "join", "only", "update", "into", "using", ","]
            .contains(&before.to_lowercase().as_str());
        if is_read && schemas[own].contains_key(*word) {
            wrong.push(format!("{own}'s {word} is in a step with a view of {schema}"));
        }
        before = word;
    }
    wrong
}

/// All texts of a source, those of macros too, without comments and attributes.
fn texts(source: TokenStream, texts: &mut Vec<String>) {
    let mut is_attribute = false;
    for token in source {
        match token {
            TokenTree::Punct(sign) if sign.as_char() == '#' => {
                is_attribute = true;
                continue;
            }
            TokenTree::Punct(sign) if sign.as_char() == '!' && is_attribute => continue,
            TokenTree::Group(group) if is_attribute && group.delimiter() == Delimiter::Bracket => {}
            TokenTree::Group(group) => self::texts(group.stream(), texts),
            TokenTree::Literal(literal) => {
                texts.extend(syn::parse_str::<syn::LitStr>(&literal.to_string()).map(|text| text.value()));
            }
            _ => {}
        }
        is_attribute = false;
    }
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The schemas of which a source uses tables or views in Diesel's words: `tables::schema::`.
fn in_diesels_words(source: &str) -> BTreeSet<&str> {
    let after = source.split("tables::").skip(1);
    after
        .map(|rest| {
            rest.split(|char: char| !char.is_alphanumeric() && char != '_')
                .next()
                .unwrap_or_default()
        })
        .collect()
}

/// What each source of a service reads of others, and what is wrong.
fn walk(schemas: &Schemas, folder: &str, own: &str) -> (BTreeMap<String, BTreeSet<String>>, Vec<String>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../services")
        .join(folder)
        .join("src");
    let (mut files, mut read, mut wrong) = (Vec::new(), BTreeMap::new(), Vec::new());
    sources(&root, &mut files);
    for file in files {
        let name = file
            .strip_prefix(&root)
            .expect("a file of the service")
            .display()
            .to_string();
        let source = fs::read_to_string(&file).expect("a source");
        let mut all = Vec::new();
        texts(source.parse().expect("Rust"), &mut all);
        let mut names_own = false;
        let mut views = BTreeSet::new();
        for text in &all {
            let (found, found_wrong) = check(schemas, own, text);
            views.extend(found);
            wrong.extend(
                found_wrong
                    .into_iter()
                    .map(|what| format!("{folder}: {name}: {what}")),
            );
            names_own |= tokens(text)
                .iter()
                .any(|(_, word)| word.starts_with(&format!("{own}.")));
        }
        // Diesel makes no steps, so a file that reads a view in its words has no statement on anything else.
        let used = in_diesels_words(&source);
        if used.iter().any(|schema| *schema != own) && (used.len() > 1 || names_own) {
            wrong.push(format!("{folder}: {name}: uses {used:?} beside each other"));
        }
        if !views.is_empty() {
            read.insert(name, views);
        }
    }
    (read, wrong)
}

#[tokio::test]
async fn every_view_of_another_schema_is_read_in_a_step_by_itself() {
    let schemas = schemas().await;
    let mut all_wrong = Vec::new();
    let mut all_read = BTreeMap::new();
    for (folder, own) in SERVICES {
        let (read, wrong) = walk(&schemas, folder, own);
        all_wrong.extend(wrong);
        all_read.insert(folder, read);
    }
    assert!(all_wrong.is_empty(), "{all_wrong:#?}");
    // Identity needs nobody. Of the others it is known that they do read, so that a walk which finds nothing fails.
    assert_eq!(all_read["identity"], BTreeMap::new());
    for service in ["social-graph", "messaging"] {
        assert!(all_read[service].len() > 2, "{service}: {all_read:?}");
    }
    let timeline = ["block_edges", "follow_edges", "mute_edges"].map(|view| format!("social_graph.{view}"));
    assert_eq!(
        all_read["posts"]["store/timeline.rs"],
        timeline.into_iter().collect()
    );
}

#[tokio::test]
async fn a_step_by_itself_is_good_and_so_is_one_that_reads_earlier_steps() {
    let schemas = schemas().await;
    for sql in [
        "WITH hidden AS MATERIALIZED (SELECT blocked_id FROM social_graph.block_edges WHERE (blocker_id = $1))
        SELECT FROM posts.posts WHERE author_id NOT IN (SELECT blocked_id FROM hidden)",
        "WITH post AS MATERIALIZED (SELECT posts.post_lock($1) AS author_id), accounts AS MATERIALIZED (
            SELECT id FROM identity.accounts WHERE id = (SELECT author_id FROM post))
        SELECT FROM accounts",
        "left_out as materialized (SELECT blocked_id FROM social_graph.block_edges UNION SELECT muted_id
            FROM social_graph.mute_edges)",
        "SELECT 1 -- not social_graph.block_edges",
        "SELECT 'social_graph.block_edges'",
        "identity.accounts.read",
    ] {
        assert_eq!(check(&schemas, "posts", sql).1, [""; 0], "{sql}");
    }
}

#[tokio::test]
async fn everything_else_is_told() {
    let schemas = schemas().await;
    let wrong = |sql| check(&schemas, "posts", sql).1;
    let outside = "social_graph.block_edges is not in a step that is materialized and ends in this text";
    for (sql, expected) in [
        (
            "SELECT FROM posts.posts JOIN social_graph.block_edges ON blocked_id = author_id",
            outside,
        ),
        ("SELECT FROM social_graph.block_edges", outside),
        (
            "WITH hidden AS (SELECT FROM social_graph.block_edges) SELECT FROM posts.posts",
            outside,
        ),
        (
            "WITH hidden AS NOT MATERIALIZED (SELECT FROM social_graph.block_edges) SELECT",
            outside,
        ),
        (
            "WITH a AS MATERIALIZED (SELECT 1) SELECT FROM a, social_graph.block_edges",
            outside,
        ),
        (
            "WITH hidden AS MATERIALIZED (SELECT FROM social_graph.block_edges WHERE ",
            outside,
        ),
        (
            "WITH hidden AS MATERIALIZED (SELECT FROM social_graph.block_edges JOIN posts.posts ON author_id = blocked_id)",
            "posts.posts is in a step with a view of social_graph",
        ),
        (
            "WITH hidden AS MATERIALIZED (SELECT FROM social_graph.block_edges WHERE EXISTS (SELECT FROM likes))",
            "posts's likes is in a step with a view of social_graph",
        ),
        (
            "WITH page AS MATERIALIZED (SELECT FROM posts.posts WHERE EXISTS (SELECT FROM social_graph.block_edges))",
            "posts.posts is in a step with a view of social_graph",
        ),
        (
            "WITH author AS MATERIALIZED (SELECT FROM social_graph.block_edges WHERE blocked_id = posts.post_lock($1))",
            "posts.post_lock is in a step with a view of social_graph",
        ),
        (
            "WITH users AS MATERIALIZED (SELECT id FROM identity.users) SELECT FROM users",
            "identity.users is no view",
        ),
    ] {
        assert_eq!(wrong(sql), [expected], "{sql}");
    }
    let two = "WITH both AS MATERIALIZED (SELECT FROM identity.accounts JOIN social_graph.block_edges ON id = blocked_id)";
    assert_eq!(wrong(two).len(), 2);
}

#[test]
fn texts_are_found_in_macros_and_not_in_comments_or_attributes() {
    let source = r##"
        //! "a"
        /// "b"
        #[doc = "c"]
        macro_rules! step { () => { concat!("d\n", r#"e"#) } } // "f"
        const G: &str = "g \
            h";
    "##;
    let mut found = Vec::new();
    texts(source.parse().expect("Rust"), &mut found);
    assert_eq!(found, ["d\n", "e", "g h"]);
    let words = "use kith_schema::tables::identity::accounts; x(tables::posts::likes::table)";
    assert_eq!(in_diesels_words(words), BTreeSet::from(["identity", "posts"]));
    assert_eq!(
        in_diesels_words("use kith_schema::tables::{a, b};"),
        BTreeSet::from([""])
    );
}
