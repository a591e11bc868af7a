-- The self-follows that the repair deleted do not come back.
ALTER TABLE social_graph.follows DROP CONSTRAINT social_graph_follows_no_self_follow;
