-- A row of settings begins with the version that the column has by default. Nobody ever used the right to say another.
REVOKE INSERT (version) ON messaging.settings FROM kith_messaging;
