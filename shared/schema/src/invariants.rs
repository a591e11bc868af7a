//! What is true of the data at every moment, each as a query that finds what breaks it.
//!
//! Constraints and triggers uphold most of it; these queries trust none of them. Whatever changes data under load ends
//! by asking them.

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use kith_postgres::Connection;

/// A truth about the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invariant {
    /// What is true.
    pub name: &'static str,
    /// A SELECT that answers a row for each case where it is not.
    pub query: &'static str,
}

/// A row that breaks an invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which one.
    pub invariant: &'static str,
    /// The row, as JSON.
    pub row: String,
}

/// Declares the invariants by the names of their files.
macro_rules! invariants {
    ($($name:literal,)*) => {
        /// Every invariant.
        pub static ALL: &[Invariant] = &[
            $(Invariant { name: $name, query: include_str!(concat!("invariants/", $name, ".sql")) },)*
        ];
    };
}

invariants! {
    "every_user_has_one_profile",
    "credentials_belong_to_users",
    "usernames_are_unique",
    "emails_are_unique",
    "follows_are_between_users",
    "nobody_follows_itself",
    "counted_users_exist",
    "follow_counts_equal_the_follows",
    "user_names_equal_the_names_of_users",
    "sessions_have_one_live_token_each",
    "edges_are_between_two_users",
    "friendships_are_mutual",
    "two_users_have_one_request",
    "no_request_beside_a_friendship",
    "nothing_beside_a_block",
    "friend_counts_equal_the_friendships",
    "post_counts_equal_the_rows",
    "what_is_beneath_posts_has_them",
    "posts_are_by_users",
    "conversations_are_between_two_members",
    "messages_are_between_members",
    "messages_are_numbered_without_gaps",
    "members_have_read_what_there_is",
    "nothing_is_left_of_deleted_messages",
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    row: String,
}

/// Asks every invariant and answers what is broken, at most 20 rows of each. Needs the rights of the owner.
///
/// # Errors
/// When the database does not answer.
pub async fn check(conn: &mut Connection) -> diesel::QueryResult<Vec<Broken>> {
    let mut broken = Vec::new();
    for Invariant { name, query } in ALL {
        let rows = diesel::sql_query(format!(
            "SELECT to_jsonb(broken)::text AS row FROM ({query}) AS broken LIMIT 20"
        ));
        let rows = rows.load::<Row>(conn).await?;
        broken.extend(
            rows.into_iter()
                .map(|Row { row }| Broken { invariant: name, row }),
        );
    }
    Ok(broken)
}
