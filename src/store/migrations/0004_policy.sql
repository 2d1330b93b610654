-- A rule asks for its approvals in stages, and a pending request knows how far they have come.

create function stages_of(terms jsonb) returns jsonb language sql immutable as $$
  select case when terms is null or jsonb_typeof(terms) <> 'object' or terms ? 'stages' then terms
    else (terms - 'approvers' - 'approvals') || jsonb_build_object(
      'selfApproval', false,
      'stages', case when (terms ->> 'approvals')::integer = 0 then '[]'::jsonb
        else jsonb_build_array(jsonb_build_object(
          'approvers', terms -> 'approvers', 'approvals', terms -> 'approvals', 'fromDifferentGroups', false))
        end)
    end
$$;

update requests r set doc = jsonb_set(
  r.doc || case when r.doc -> 'terms' is null then '{}'::jsonb
    else jsonb_build_object('terms', stages_of(r.doc -> 'terms')) end
  || case when r.state <> 'pending' then '{}'::jsonb
    else jsonb_build_object('escalatedAt', null, 'progress', jsonb_build_object('stage', 0, 'approvals', (
      select count(distinct v.reviewer_user) from reviews v where v.request_id = r.id and v.verdict = 'approve')))
    end,
  '{verdict,terms}', coalesce(stages_of(r.doc #> '{verdict,terms}'), 'null'::jsonb));

drop function stages_of(jsonb);
