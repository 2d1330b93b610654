-- Links to the page that reads somebody's address, and what waits for it. Of the token only the SHA-256 is kept.
create table address_links (
  id text primary key,
  -- Null until the message with the link is about to be sent.
  token_hash text unique,
  org text not null,
  team_id text not null,
  user_id text not null,
  person jsonb not null,
  -- What the link is for: two that wait for the same thing would be two requests.
  thing text not null,
  ask text,
  request_id text,
  about jsonb,
  family text,
  asked_at timestamptz not null,
  expires_at timestamptz not null,
  state text not null check (state in ('waiting', 'confirmed', 'lapsed', 'replaced')),
  channel text,
  ts text,
  address text,
  confirmed_at timestamptz,
  outcome text,
  others jsonb not null default '[]',
  check ((state = 'confirmed') = (address is not null and confirmed_at is not null))
);
create unique index address_links_waiting on address_links (org, user_id, md5(thing)) where state = 'waiting';

-- A typed address never counts as a confirmed one, and neither forgets the other.
alter table addresses add column learnt text not null default 'typed' check (learnt in ('typed', 'confirmed'));
alter table addresses drop constraint addresses_pkey;
alter table addresses add primary key (org, user_id, learnt);
