-- Published: what other services may know in their own statements of who is what to whom. Each is granted by the migration
-- of the service that needs it.

CREATE VIEW social_graph.follow_edges AS
    SELECT follower_id, followed_id, created_at FROM social_graph.follows;

-- Two rows for each friendship.
CREATE VIEW social_graph.friend_edges AS
    SELECT user_id, friend_id, created_at FROM social_graph.friendships;

CREATE VIEW social_graph.block_edges AS
    SELECT blocker_id, blocked_id, created_at FROM social_graph.blocks;

CREATE VIEW social_graph.mute_edges AS
    SELECT muter_id, muted_id, created_at FROM social_graph.mutes WHERE expires_at IS NULL OR expires_at > now();
