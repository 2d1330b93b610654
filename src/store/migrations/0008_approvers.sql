-- Who may approve, and how often a rule may decide by itself.

-- A person’s own yes stands only where the terms that it was given under say so.
create or replace function refuse_own_approval() returns trigger language plpgsql as $$
begin
  if new.verdict = 'approve' and exists
    (select from requests r where r.id = new.request_id and r.requester_user = new.reviewer_user
      and r.doc #> '{terms,selfApproval}' is distinct from 'true'::jsonb) then
    raise exception 'request %: nobody approves their own request', new.request_id
      using errcode = 'check_violation', constraint = 'approver_is_not_requester';
  end if;
  return new;
end $$;

-- One row for each request that a rule approved without asking anybody.
create table automatic_approvals (
  -- The request itself is written later in the same transaction.
  request_id text primary key references requests (id) deferrable initially deferred,
  rule text not null,
  user_id text not null,
  vm_id text not null,
  at timestamptz not null
);
create index automatic_approvals_rule on automatic_approvals (rule, at);
create index automatic_approvals_at on automatic_approvals (at);
