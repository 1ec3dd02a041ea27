-- What stores told of a date: of each kind what was told last in the history of the store.
create table days (
	kind          text not null,
	store         text not null,
	day           text not null,
	stream        bigint not null,
	seq           bigint not null,
	at            bigint not null,
	received      bigint not null,
	body          bytea,
	primary key (kind, store, day)
) {{clustered}};

insert into days (kind, store, day, stream, seq, at, received, body)
	select kind, store, name, stream, seq, at, received, body from facts where kind = 'night' and body is not null;
