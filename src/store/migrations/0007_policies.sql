-- Every version of the policy that came into force: the text behind the hash that decisions carry.

create table policies (
  hash text primary key,
  text text not null,
  first_loaded_at timestamptz not null
);

create function refuse_policy_change() returns trigger language plpgsql as $$
begin
  raise exception 'versions of the policy are kept as they were' using errcode = 'insufficient_privilege';
end $$;
create trigger kept before update or delete on policies
  for each row execute function refuse_policy_change();
create trigger never_truncated before truncate on policies
  for each statement execute function refuse_policy_change();

-- Which version is in force; its row is the lock under which versions follow one another.
create table policy_head (
  one boolean primary key default true check (one),
  hash text references policies (hash)
);
insert into policy_head default values;
