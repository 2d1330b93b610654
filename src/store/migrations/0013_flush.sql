-- Grants whose open sessions are still to be cut; the question must cost nothing where there is none.
create index grants_to_flush on grants (id) where doc @? '$.flushes[*] ? (@.answer == null)';
