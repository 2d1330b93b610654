-- How far the weekly digest has come, and what stood open when the last one was posted.
create table digests (
  one boolean primary key default true check (one),
  doc jsonb not null
);
