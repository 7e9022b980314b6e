-- Which database the servers were told about last: another one, as after a dump was loaded, is served only once `profcards restored`
-- has seen to what was given out since. Of the same cluster and database, a promoted standby too.
create table instance_database (
    is_only   boolean primary key default true check (is_only),
    identity  text not null
);
comment on table instance_database is 'Which database this is: a server refuses another one, in which a dump was loaded, until it was prepared.';
create view database_identity as
select system_identifier || '-' || (select oid from pg_database where datname = current_database()) as identity
from pg_control_system();
comment on view database_identity is 'What names this database among all: its cluster, and its number there.';
