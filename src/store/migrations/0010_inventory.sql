-- The last reading of Azure's VMs, in pieces: a piece that is the same in the next reading is not written again.
create table inventory_pieces (
  -- SHA-256 of what is in it.
  hash text primary key,
  -- JSON, gzipped. PostgreSQL need not try to make it smaller.
  body bytea not null
);
alter table inventory_pieces alter column body set storage external;

-- Which pieces make up the reading: changing this row replaces it, all at once.
create table inventory_head (
  one boolean primary key default true check (one),
  -- Of the pieces; a version of the program that does not know it reads Azure instead.
  form integer,
  read_at timestamptz,
  hashes text[] not null default '{}',
  -- The replica that reads Azure now, and until when nobody else does.
  reader text,
  reader_until timestamptz
);
insert into inventory_head default values;
