-- Each table is locked while its indexes are built. It runs again after a failure, as up does.
DO $$
DECLARE
    changed text;
    columns text;
    included text;
BEGIN
    FOR changed, columns, included IN VALUES
        ('follows', 'follower_id, followed_id', 'created_at'),
        ('friendships', 'user_id, friend_id', 'created_at'),
        ('blocks', 'blocker_id, blocked_id', 'created_at'),
        ('mutes', 'muter_id, muted_id', 'created_at, expires_at'),
        ('friend_request_declines', 'from_user_id, to_user_id', 'expires_at')
    LOOP
        CONTINUE WHEN to_regclass(format('social_graph.social_graph_%s_pkey_next', changed)) IS NOT NULL;

        EXECUTE format('LOCK TABLE social_graph.%s IN ACCESS EXCLUSIVE MODE', changed);
        IF changed = 'friendships' THEN
            ALTER TABLE social_graph.friendships DROP CONSTRAINT social_graph_friendships_mirror_fkey;
        END IF;

        EXECUTE format(
            'ALTER TABLE social_graph.%1$s DROP CONSTRAINT social_graph_%1$s_pkey,
                ADD CONSTRAINT social_graph_%1$s_pkey PRIMARY KEY (%2$s)',
            changed, columns
        );
        EXECUTE format(
            'CREATE UNIQUE INDEX social_graph_%1$s_pkey_next ON social_graph.%1$s (%2$s) INCLUDE (%3$s)',
            changed, columns, included
        );

        IF changed = 'friendships' THEN
            ALTER TABLE social_graph.friendships
                ADD CONSTRAINT social_graph_friendships_mirror_fkey
                FOREIGN KEY (friend_id, user_id) REFERENCES social_graph.friendships (user_id, friend_id)
                ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
        ELSIF changed = 'mutes' THEN
            ALTER INDEX social_graph.social_graph_mutes_page RENAME TO social_graph_mutes_page_next;
            CREATE INDEX social_graph_mutes_page ON social_graph.mutes (muter_id, created_at DESC, muted_id DESC);
        END IF;
        COMMIT;
    END LOOP;
END
$$;
