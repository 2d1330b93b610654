-- Changes of rules of somebody else's by which nothing stands open on a VM any more. A row stands before anybody is asked.
create table conversions (
  id text primary key,
  vm_id text not null,
  doc jsonb not null,
  ended_at timestamptz
);
create unique index conversions_active on conversions (vm_id) where ended_at is null;
