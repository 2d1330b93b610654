-- What the reconciler finds: rules of ours that nobody wants any more, and what operators must be told.

alter table jobs drop constraint jobs_lane_check;
alter table jobs add constraint jobs_lane_check
  check (lane in ('timers', 'closes', 'opens', 'slack', 'people', 'surveys'));

-- A rule of ours that the database never heard of belongs to no request.
alter table audit alter column request_id drop not null;

create table strays (
  nsg_id text not null,
  name text not null,
  expires_at timestamptz not null,
  found_at timestamptz not null,
  attempts integer not null default 0,
  next_try_at timestamptz,
  last_error text,
  primary key (nsg_id, name)
);

create table alarms (
  id bigint generated always as identity primary key,
  -- One thing is told once, and again only after it was over.
  key text not null unique,
  alarm jsonb not null,
  raised_at timestamptz not null,
  tried boolean not null default false,
  sent_at timestamptz
);
create index alarms_waiting on alarms (id) where sent_at is null;

create index rules_unfinished_prefix on rules (nsg_id text_pattern_ops) where state <> 'absent';

-- How punctual closes were is read from the newest of them.
create index grants_closed on grants (closed_at) where state = 'closed';
create index grants_opened on grants (opened_at) where opened_at is not null;
