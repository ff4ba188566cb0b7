-- What all processes that use this store must have in common.

-- secret_key: a fingerprint of the one that keys are hashed and sealed under.
CREATE TABLE installation (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
