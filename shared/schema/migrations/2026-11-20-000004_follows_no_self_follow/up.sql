-- Taken first: otherwise a self-follow could slip in behind the repair, and a lock that is raised later can deadlock.
LOCK TABLE social_graph.follows IN ACCESS EXCLUSIVE MODE;

DELETE FROM social_graph.follows WHERE follower_id = followed_id;

ALTER TABLE social_graph.follows
    ADD CONSTRAINT social_graph_follows_no_self_follow CHECK (follower_id <> followed_id);
