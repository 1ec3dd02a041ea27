-- Times are whole microseconds since 1970 in UTC; 0 is a time that is not known.
-- One schema for SQLite and PostgreSQL: {{key}} is a number that the database hands out,
-- {{clustered}} keeps small rows inside their index where the database can.

create table stores (
	id            text not null primary key,
	contact       text not null,
	birth         bigint not null,
	contact_at    bigint not null,
	heard         bigint not null,
	software      text not null,
	present       bigint not null,
	closed        bigint not null,
	version       bigint not null
);

create table streams (
	stream        {{key}},
	store         text not null,
	no            bigint not null,
	id            text not null,
	stored        bigint not null,
	highest       bigint not null,
	beyond        text not null,
	lost          text not null,
	repeats       bigint not null,
	last          bigint not null,
	unique (store, no),
	unique (store, id)
);

create table facts (
	store         text not null,
	kind          text not null,
	name          text not null,
	patch         text not null,
	stream        bigint not null,
	seq           bigint not null,
	at            bigint not null,
	received      bigint not null,
	body          bytea,
	primary key (store, name, patch, kind)
) {{clustered}};

-- The id of an event is the number of its stream in the upper bits and its own in the lower 38.
create table events (
	id            {{id}},
	at            bigint not null,
	received      bigint not null,
	kind          text not null,
	device        text not null,
	patch         text not null,
	night         text not null,
	prev          bytea,
	hash          bytea,
	body          bytea not null
);

-- A pack holds events of one stream that headquarters received on one day (in UTC), compressed.
create table packs (
	stream        bigint not null,
	day           bigint not null,
	part          bigint not null,
	first         bigint not null,
	last          bigint not null,
	from_at       bigint not null,
	to_at         bigint not null,
	count         bigint not null,
	body          bytea not null,
	primary key (stream, day, part)
);

create table notes (
	kind          text not null,
	id            text not null,
	version       bigint not null,
	body          text,
	by_whom       text not null,
	at            bigint not null,
	primary key (kind, id)
);

create table deeds (
	seq           {{id}},
	at            bigint not null,
	actor         text not null,
	origin        text not null,
	verb          text not null,
	subject       text not null,
	outcome       text not null,
	text          text not null,
	prev          text not null,
	hash          text not null
);
