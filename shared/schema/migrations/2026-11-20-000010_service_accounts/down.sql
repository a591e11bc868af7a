DROP TABLE identity.service_accounts;
