-- Nights that were opened and closed are kept by their date too.
insert into days (kind, store, day, stream, seq, at, received, body)
	select kind, store, name, stream, seq, at, received, body from facts where kind in ('night_opened', 'night_closed') and body is not null
	on conflict (kind, store, day) do nothing;
