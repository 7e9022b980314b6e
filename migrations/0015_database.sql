-- What /readyz writes, to learn whether the database still takes a write: answering a question proves nothing, as a full disk
-- answers them all. It is truncated and filled anew, since only that asks the disk for new room each time; so it never has more
-- than a row.
create table write_probe (
    is_written boolean not null
);

-- Which history of which database this is. The system's identifier differs between databases that were made apart, the timeline
-- after a promotion and after a recovery to a point in time; in both cases transaction ids are given anew.
create view database_history as
select system_identifier || '-' || left(pg_walfile_name(pg_current_wal_lsn()), 8) as history from pg_control_system();
