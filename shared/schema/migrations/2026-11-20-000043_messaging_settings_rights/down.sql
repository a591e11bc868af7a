GRANT INSERT (version) ON messaging.settings TO kith_messaging;
