-- Times are epoch milliseconds; an expiry of 0 is never. The tables that every
-- event writes (kv, seen, outbox, outcomes) refer to devices without a foreign
-- key: the writer has already found the device's row, and looking it up again for
-- each row would cost as much as the row. Removing a device removes them.

-- +goose Up

CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO meta (name, value) VALUES ('epoch', '1'), ('store', lower(hex(randomblob(16))));

CREATE TABLE owners (
  id   TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) WITHOUT ROWID;
INSERT INTO owners (id, name) VALUES ('default', 'default');

CREATE TABLE projects (
  id         TEXT PRIMARY KEY,
  owner      TEXT NOT NULL REFERENCES owners (id),
  slug       TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (owner, slug)
) WITHOUT ROWID;

CREATE TABLE tokens (
  id         TEXT PRIMARY KEY,
  hash       BLOB NOT NULL UNIQUE,
  name       TEXT NOT NULL,
  owner      TEXT NOT NULL REFERENCES owners (id),
  project    TEXT REFERENCES projects (id),
  scopes     TEXT NOT NULL, -- separated by commas
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;

-- A device's script is a name: it may come later than the device.
CREATE TABLE devices (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  project    TEXT NOT NULL REFERENCES projects (id),
  device_id  TEXT NOT NULL,
  script     TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_seen  INTEGER NOT NULL DEFAULT 0,
  metadata   BLOB,
  ran        TEXT NOT NULL DEFAULT '', -- UUID of the version of its last committed event
  UNIQUE (project, device_id)
);

CREATE TABLE device_tokens (
  hash    BLOB PRIMARY KEY,
  device  INTEGER NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
  rotated INTEGER NOT NULL -- 0 for the first of a device, growing by one
) WITHOUT ROWID;
CREATE INDEX device_tokens_device ON device_tokens (device);

CREATE TABLE kv (
  device  INTEGER NOT NULL,
  key     TEXT NOT NULL,
  value   BLOB NOT NULL, -- JSON text
  expires INTEGER NOT NULL,
  PRIMARY KEY (device, key)
) WITHOUT ROWID;
CREATE INDEX kv_expires ON kv (expires) WHERE expires > 0;

CREATE TABLE seen (
  device INTEGER NOT NULL,
  id     TEXT NOT NULL,
  status TEXT NOT NULL, -- running, ok, error
  ack    BLOB,
  at     INTEGER NOT NULL,
  PRIMARY KEY (device, id)
) WITHOUT ROWID;

-- AUTOINCREMENT: a row id is a command's $id and never comes again.
CREATE TABLE outbox (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  device  INTEGER NOT NULL,
  body    BLOB NOT NULL,
  key     TEXT NOT NULL,
  expires INTEGER NOT NULL,
  durable INTEGER NOT NULL
);
CREATE INDEX outbox_device ON outbox (device);

CREATE TABLE scripts (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  project    TEXT NOT NULL REFERENCES projects (id),
  name       TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (project, name)
);

-- Contents by their SHA-256: sources, bundles, source maps.
CREATE TABLE blobs (
  hash     BLOB NOT NULL UNIQUE,
  encoding TEXT NOT NULL, -- gzip or identity
  size     INTEGER NOT NULL, -- decoded
  data     BLOB NOT NULL
);

CREATE TABLE versions (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  script     INTEGER NOT NULL REFERENCES scripts (id),
  number     INTEGER NOT NULL,
  uuid       TEXT NOT NULL UNIQUE,
  digest     TEXT NOT NULL,
  main       TEXT NOT NULL,
  export     TEXT NOT NULL,
  compiler   TEXT NOT NULL,
  size       INTEGER NOT NULL,
  bundle     BLOB NOT NULL REFERENCES blobs (hash),
  source_map BLOB NOT NULL REFERENCES blobs (hash),
  handlers   TEXT NOT NULL, -- JSON
  crons      TEXT NOT NULL, -- JSON
  options    TEXT NOT NULL, -- JSON
  message    TEXT NOT NULL,
  author     TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (script, number),
  UNIQUE (script, digest)
);

CREATE TABLE version_files (
  version INTEGER NOT NULL REFERENCES versions (id),
  path    TEXT NOT NULL,
  hash    BLOB NOT NULL REFERENCES blobs (hash),
  PRIMARY KEY (version, path)
) WITHOUT ROWID;

CREATE TABLE deployments (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  project     TEXT NOT NULL REFERENCES projects (id),
  script      INTEGER NOT NULL REFERENCES scripts (id),
  kind        TEXT NOT NULL,
  from_number INTEGER NOT NULL, -- 0 for the first
  to_number   INTEGER NOT NULL,
  message     TEXT NOT NULL,
  author      TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  FOREIGN KEY (script, to_number) REFERENCES versions (script, number)
);
CREATE INDEX deployments_project ON deployments (project);
CREATE INDEX deployments_version ON deployments (script, to_number);

CREATE TABLE live (
  script INTEGER PRIMARY KEY REFERENCES scripts (id),
  stable INTEGER NOT NULL,
  FOREIGN KEY (script, stable) REFERENCES versions (script, number)
);

-- Log ids come from one counter over this table and all log files.
CREATE TABLE outcomes (
  id       INTEGER PRIMARY KEY,
  device   INTEGER NOT NULL,
  time     INTEGER NOT NULL,
  script   TEXT NOT NULL,
  version  INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  kind     TEXT NOT NULL,
  lines    INTEGER NOT NULL, -- how many lines the event left in the log files
  error    BLOB -- JSON
);
CREATE INDEX outcomes_error ON outcomes (device) WHERE error IS NOT NULL;

-- Every row of a file has an id above after_id; once the file is cut, at most
-- last_id, and a time of at most last_time.
CREATE TABLE log_files (
  number    INTEGER PRIMARY KEY AUTOINCREMENT,
  opened_at INTEGER NOT NULL,
  after_id  INTEGER NOT NULL,
  last_id   INTEGER, -- NULL while it is written
  last_time INTEGER
);

-- +goose StatementBegin
CREATE TRIGGER versions_update BEFORE UPDATE ON versions
BEGIN SELECT RAISE(ABORT, 'versions are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER versions_delete BEFORE DELETE ON versions
BEGIN SELECT RAISE(ABORT, 'versions are never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER version_files_update BEFORE UPDATE ON version_files
BEGIN SELECT RAISE(ABORT, 'versions are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER version_files_delete BEFORE DELETE ON version_files
BEGIN SELECT RAISE(ABORT, 'versions are never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER blobs_update BEFORE UPDATE ON blobs
BEGIN SELECT RAISE(ABORT, 'contents are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER deployments_update BEFORE UPDATE ON deployments
BEGIN SELECT RAISE(ABORT, 'history is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER deployments_delete BEFORE DELETE ON deployments
BEGIN SELECT RAISE(ABORT, 'history is never deleted'); END;
-- +goose StatementEnd
