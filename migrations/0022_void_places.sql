-- Places on the status lists that cards may bear which this database does not know: it was loaded from a dump, and they were issued
-- after it. They are published as revoked, and no card takes them. It may be a whole list, two million rows at once, so nothing is
-- looked up for each.
create table void_place (
    list_n  integer not null,
    idx     integer not null check (idx >= 0),
    primary key (list_n, idx)
);
