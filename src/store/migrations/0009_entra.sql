-- Which Entra user a Slack user is. It is found once, by the e-mail of that day, and holds whatever the e-mail becomes.
create table entra_users (
  -- As in addresses: the enterprise where there is one, else the team.
  org text not null,
  user_id text not null,
  entra_id text not null,
  mapped_at timestamptz not null,
  primary key (org, user_id)
);
