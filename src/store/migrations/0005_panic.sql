-- Somebody stopped all access in a scope. It holds until it is lifted.
create table panics (
  id text primary key,
  doc jsonb not null,
  -- How many grants it closes; null until they were counted.
  total integer,
  lifted_at timestamptz
);
create index panics_active on panics (id) where lifted_at is null;
