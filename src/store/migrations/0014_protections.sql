-- VMs that are kept shut. A row stands before anything is written in Azure, and its end is noted when all of it is gone.
create table protections (
  id text primary key,
  vm_id text not null,
  doc jsonb not null,
  ended_at timestamptz
);
create unique index protections_active on protections (vm_id) where ended_at is null;
