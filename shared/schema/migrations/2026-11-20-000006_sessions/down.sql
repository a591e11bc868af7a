DROP TABLE identity.refresh_tokens, identity.sessions;
