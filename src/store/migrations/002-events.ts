/** Appended and pruned only. Without AUTOINCREMENT, which would write a second table: pruning leaves the newest row. */
export const events = `
CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  time TEXT NOT NULL,
  type TEXT NOT NULL,
  volume TEXT,
  details TEXT NOT NULL
) STRICT;
`
