-- The indexes that end in _next become the primary keys, and the page of mutes, under the names that these have had.
--
-- Reads and writes of a table wait for the moment that its change takes: nothing is scanned. Only an index whose
-- building was broken off is built again, and meanwhile they wait. Each table has a transaction of its own, since
-- services lock two of them in either order; after a failure the step runs again, from the table that failed.
DO $$
DECLARE
    changed text;
    unfinished regclass;
BEGIN
    FOREACH changed IN ARRAY ARRAY['follows', 'friendships', 'blocks', 'mutes', 'friend_request_declines'] LOOP
        CONTINUE WHEN to_regclass(format('social_graph.social_graph_%s_pkey_next', changed)) IS NULL;

        EXECUTE format('LOCK TABLE social_graph.%s IN ACCESS EXCLUSIVE MODE', changed);
        FOR unfinished IN
            SELECT indexrelid::regclass FROM pg_index
            WHERE indrelid = format('social_graph.%s', changed)::regclass AND NOT indisvalid
        LOOP
            EXECUTE format('REINDEX INDEX %s', unfinished);
        END LOOP;

        -- The mirror stands on the primary key. What it says of the rows that are there stays true meanwhile.
        IF changed = 'friendships' THEN
            ALTER TABLE social_graph.friendships DROP CONSTRAINT social_graph_friendships_mirror_fkey;
        END IF;

        EXECUTE format(
            'ALTER TABLE social_graph.%1$s DROP CONSTRAINT social_graph_%1$s_pkey,
                ADD CONSTRAINT social_graph_%1$s_pkey PRIMARY KEY USING INDEX social_graph_%1$s_pkey_next',
            changed
        );

        IF changed = 'friendships' THEN
            ALTER TABLE social_graph.friendships
                ADD CONSTRAINT social_graph_friendships_mirror_fkey
                FOREIGN KEY (friend_id, user_id) REFERENCES social_graph.friendships (user_id, friend_id)
                ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED NOT VALID;
        ELSIF changed = 'mutes' THEN
            DROP INDEX social_graph.social_graph_mutes_page;
            ALTER INDEX social_graph.social_graph_mutes_page_next RENAME TO social_graph_mutes_page;
        END IF;
        COMMIT;
    END LOOP;

    -- This reads the whole table, and nobody waits for it.
    ALTER TABLE social_graph.friendships VALIDATE CONSTRAINT social_graph_friendships_mirror_fkey;
END
$$;
