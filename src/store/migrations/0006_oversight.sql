-- Emergencies whose review is open are few among many requests.
create index requests_unsigned on requests (id) where doc #>> '{oversight,state}' = 'open';
