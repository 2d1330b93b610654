-- What an approver should know beyond the request itself.

alter table jobs drop constraint jobs_lane_check;
alter table jobs add constraint jobs_lane_check
  check (lane in ('timers', 'closes', 'opens', 'slack', 'people', 'surveys', 'proofs', 'reads'));

-- Who came from an address before.
create index requests_source on requests (source_address, requested_at);
