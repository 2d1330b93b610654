-- A lock forbids removing a rule and allows changing it: when Azure showed that it denies, and is only to be removed.
alter table rules add column denies_at timestamptz;
