-- The secret of the data folder that this database is used with: typed codes, API keys and tills' digits follow from it, so a
-- server with another one would quietly refuse what its neighbour gave out. Only a MAC is kept.
create table instance_secret (
    is_only   boolean primary key default true check (is_only),
    check_mac bytea not null check (length(check_mac) = 32)
);
