export const firstSchema = `
CREATE TABLE volumes (
  name TEXT PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  driver TEXT NOT NULL,
  state TEXT NOT NULL,
  created_at TEXT NOT NULL,
  attributes TEXT NOT NULL,
  options TEXT NOT NULL,
  origin TEXT NOT NULL,
  on_remove TEXT,
  mountpoint TEXT,
  size_bytes INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE mounts (
  volume TEXT NOT NULL,
  id TEXT NOT NULL,
  count INTEGER NOT NULL CHECK (count > 0),
  epoch INTEGER NOT NULL,
  mounted_at TEXT NOT NULL,
  PRIMARY KEY (volume, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE trash (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  driver TEXT NOT NULL,
  state TEXT NOT NULL,
  created_at TEXT NOT NULL,
  attributes TEXT NOT NULL,
  options TEXT NOT NULL,
  on_remove TEXT,
  size_bytes INTEGER,
  trashed_at TEXT NOT NULL,
  expires_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  driver TEXT NOT NULL,
  volume_name TEXT NOT NULL,
  volume_id TEXT NOT NULL,
  volume_attributes TEXT NOT NULL,
  state TEXT NOT NULL,
  created_at TEXT NOT NULL,
  started_at TEXT,
  finished_at TEXT,
  attempts INTEGER NOT NULL,
  pid INTEGER,
  process_start_time TEXT,
  error TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE journals (volume_id TEXT PRIMARY KEY, notes TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
`
