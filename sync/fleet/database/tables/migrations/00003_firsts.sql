-- When headquarters was first told of a device.
create table firsts (
	store         text not null,
	device        text not null,
	first         bigint not null,
	primary key (store, device)
) {{clustered}};

insert into firsts (store, device, first) select store, name, received from facts where kind = 'device' and body is not null;
