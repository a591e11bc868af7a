//! What one user may write to another now, as steps of the statement that writes.

/// The step that reads the blocks between the users `$1` and `$2`. Apart from each other, so that each is found by its key:
/// one of the two may be blocked by millions.
macro_rules! blocks_between {
    () => {
        "blocks AS MATERIALIZED (
            SELECT blocker_id FROM social_graph.block_edges WHERE blocker_id = $1 AND blocked_id = $2
            UNION ALL
            SELECT blocker_id FROM social_graph.block_edges WHERE blocker_id = $2 AND blocked_id = $1
        )"
    };
}

/// The steps that read what decides, of the actor `$1` and the peer `$2`.
macro_rules! between {
    () => {
        concat!(
            "accounts AS MATERIALIZED (
            SELECT id, is_active FROM identity.accounts WHERE id IN ($1, $2)
        ), ",
            blocks_between!()
        )
    };
}

/// Cases of why the actor may do nothing at all to the peer, in the order in which social-graph's CheckInteraction has them.
macro_rules! refused_between {
    () => {
        "WHEN NOT EXISTS (SELECT FROM accounts WHERE id = $1) THEN 'actor_missing'
        WHEN NOT EXISTS (SELECT FROM accounts WHERE id = $2) THEN 'peer_missing'
        WHEN EXISTS (SELECT FROM accounts WHERE id = $1 AND NOT is_active) THEN 'actor_inactive'
        WHEN EXISTS (SELECT FROM accounts WHERE id = $2 AND NOT is_active) THEN 'peer_inactive'
        WHEN EXISTS (SELECT FROM blocks) THEN 'not_allowed'"
    };
}

pub(super) use {between, blocks_between, refused_between};
