DROP TABLE identity.service_accounts, identity.signing_keys;
