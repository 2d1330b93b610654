-- Dialect: PostgreSQL 15. `doc` is the truth of a row; the columns beside it are derived by the database
-- itself, so that what an auditor filters on can never differ from what the product acted on.

create table requests (
  id text primary key,
  version integer not null,
  updated_at timestamptz not null,
  doc jsonb not null,
  state text not null generated always as (doc ->> 'state') stored
    check (state in ('pending', 'approved', 'denied', 'canceled', 'lapsed')),
  requester_enterprise text generated always as (doc #>> '{requester,enterpriseId}') stored,
  requester_team text not null generated always as (doc #>> '{requester,teamId}') stored,
  requester_user text not null generated always as (doc #>> '{requester,userId}') stored,
  vm_id text not null generated always as (doc #>> '{vm,id}') stored,
  service text not null generated always as (doc ->> 'label') stored,
  source_address text not null generated always as (doc #>> '{source,address}') stored,
  requested_at timestamptz not null
    generated always as (to_timestamp((doc ->> 'requestedAt')::float8 / 1000)) stored
) with (fillfactor = 85);
create index requests_requester on requests (requester_user, requested_at);
create index requests_vm on requests (vm_id, requested_at);

create table reviews (
  request_id text not null references requests (id),
  reviewer_user text not null,
  verdict text not null check (verdict in ('approve', 'deny')),
  ordinal integer not null,
  doc jsonb not null,
  reviewed_at timestamptz not null generated always as (to_timestamp((doc ->> 'at')::float8 / 1000)) stored,
  primary key (request_id, reviewer_user, verdict),
  check (reviewer_user = doc #>> '{by,userId}' and verdict = doc ->> 'verdict')
);

create function refuse_own_approval() returns trigger language plpgsql as $$
begin
  if new.verdict = 'approve' and exists
    (select from requests r where r.id = new.request_id and r.requester_user = new.reviewer_user) then
    raise exception 'request %: nobody approves their own request', new.request_id
      using errcode = 'check_violation', constraint = 'approver_is_not_requester';
  end if;
  return new;
end $$;
create trigger approver_is_not_requester before insert or update on reviews
  for each row execute function refuse_own_approval();

create table grants (
  id text primary key,
  request_id text not null unique references requests (id),
  updated_at timestamptz not null,
  doc jsonb not null,
  state text not null generated always as (doc ->> 'state') stored
    check (state in ('opening', 'open', 'closing', 'closed')),
  approved_at timestamptz not null
    generated always as (to_timestamp((doc ->> 'approvedAt')::float8 / 1000)) stored,
  expires_at timestamptz not null
    generated always as (to_timestamp((doc ->> 'expiresAt')::float8 / 1000)) stored
    check (expires_at > to_timestamp(0)),
  opened_at timestamptz generated always as (to_timestamp((doc ->> 'openedAt')::float8 / 1000)) stored,
  closed_at timestamptz generated always as (to_timestamp((doc ->> 'closedAt')::float8 / 1000)) stored,
  check ((state = 'closed') = (closed_at is not null)),
  check (doc ->> 'id' = id and doc ->> 'requestId' = request_id)
) with (fillfactor = 85);
create index grants_unfinished on grants (state) where state <> 'closed';

-- Derived columns are not filled in yet when a BEFORE trigger runs, so it reads the document.
create function keep_grant_promises() returns trigger language plpgsql as $$
begin
  if new.request_id <> old.request_id or (new.doc -> 'expiresAt') <> (old.doc -> 'expiresAt') then
    raise exception 'grant %: its request and its expiry never change', old.id
      using errcode = 'check_violation', constraint = 'expiry_never_moves';
  end if;
  if old.state = 'closed' and new.doc ->> 'state' <> 'closed' then
    raise exception 'grant %: closed is final', old.id
      using errcode = 'check_violation', constraint = 'closed_is_final';
  end if;
  return new;
end $$;
create trigger keep_promises before update on grants for each row execute function keep_grant_promises();

create table rules (
  grant_id text not null references grants (id),
  nsg_id text not null,
  ordinal integer not null,
  doc jsonb not null,
  name text not null generated always as (doc ->> 'name') stored,
  priority integer not null generated always as ((doc ->> 'priority')::integer) stored,
  state text not null generated always as (doc ->> 'state') stored
    check (state in ('planned', 'present', 'absent')),
  -- Tries count for one wish only: what went wrong while opening must not delay the close.
  tried_for text check (tried_for in ('present', 'absent')),
  attempts integer not null default 0,
  next_try_at timestamptz,
  last_error text,
  primary key (grant_id, nsg_id),
  check (nsg_id = doc ->> 'nsgId')
) with (fillfactor = 85);
create index rules_unfinished on rules (nsg_id) where state <> 'absent';

create table audit (
  seq bigint primary key check (seq > 0),
  previous text not null check (length(previous) = 64),
  hash text not null check (length(hash) = 64),
  event jsonb not null,
  type text not null generated always as (event ->> 'type') stored,
  at timestamptz not null generated always as (to_timestamp((event ->> 'at')::float8 / 1000)) stored,
  request_id text not null generated always as (event ->> 'requestId') stored,
  grant_id text generated always as (event ->> 'grantId') stored,
  actor text not null
    generated always as (coalesce(event #>> '{actor,userId}', event ->> 'actor')) stored
);
create index audit_request on audit (request_id);

create function refuse_audit_change() returns trigger language plpgsql as $$
begin
  raise exception 'the audit trail is append-only' using errcode = 'insufficient_privilege';
end $$;
create trigger append_only before update or delete on audit
  for each row execute function refuse_audit_change();
create trigger never_truncated before truncate on audit
  for each statement execute function refuse_audit_change();

create table audit_head (
  one boolean primary key default true check (one),
  seq bigint not null,
  hash text not null
);
insert into audit_head (seq, hash) values (0, repeat('0', 64));

-- Each replica that enlists takes a number that nobody had before, so a dead one is never mistaken for it.
create sequence replica_slots as integer;

create sequence job_ids;
create table jobs (
  id bigint primary key default nextval('job_ids'),
  key text not null unique,
  kind text not null,
  lane text not null check (lane in ('timers', 'closes', 'opens', 'slack', 'people')),
  subject text not null,
  due_at timestamptz not null,
  -- When it may be taken: the due time, then the end of a lease, then the next try.
  run_at timestamptz not null,
  -- Grows with each claim and is the fence; starts again only together with a new id.
  attempts integer not null default 0,
  owner integer,
  -- A time that was asked for while somebody worked on it; `again_exact` when it replaces every other time.
  again_at timestamptz,
  again_exact boolean not null default false,
  again_lane text,
  last_error text
) with (fillfactor = 70);
alter sequence job_ids owned by jobs.id;
create index jobs_due on jobs (lane, run_at);
create index jobs_owner on jobs (owner) where owner is not null;

create table intakes (
  key text primary key,
  received_at timestamptz not null,
  -- Null once it has been dealt with; the key stays for a day, for the deduplication.
  gesture jsonb,
  ended_at timestamptz
);
create index intakes_ended on intakes (ended_at) where ended_at is not null;

create table places (
  request_id text not null references requests (id),
  which text not null check (which in ('card', 'mirror')),
  channel text not null,
  ts text not null,
  primary key (request_id, which)
);

create table notes (
  id bigint generated always as identity primary key,
  request_id text not null references requests (id),
  target text not null check (target in ('thread', 'requester')),
  note jsonb not null,
  tried boolean not null default false,
  sent_at timestamptz
);
create index notes_waiting on notes (request_id, id) where sent_at is null;
create index notes_sent on notes (sent_at) where sent_at is not null;

create table addresses (
  -- The enterprise where there is one, else the team: a person's team differs between payloads on a grid.
  org text not null,
  user_id text not null,
  address text not null,
  given_at timestamptz not null,
  primary key (org, user_id)
);

create table feeds (
  name text primary key,
  seq bigint not null,
  tried boolean not null
);
