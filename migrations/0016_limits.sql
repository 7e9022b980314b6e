-- Limits that no cache can forget, and what lets the ledger's guards be given up after a hundred days.

-- How many attempts of somebody, or new rows of a principal, a running window holds. Keys are hashes: no address, login or code
-- is here. Lost with a crash of the database, which only starts the windows over; so it writes no log.
create unlogged table limit_counter (
    key      bytea primary key check (length(key) = 16),
    count    integer not null check (count >= 0),
    ends_at  timestamptz not null
) with (fillfactor = 70);

-- All operation numbers up to this one count as used: their rows were removed.
alter table terminal add column op_floor bigint not null default 0 check (op_floor >= 0);
alter table terminal_op add column booked_at timestamptz not null default now();

create index idempotency_age_idx on idempotency (created_at);
create index proof_age_idx on proof (seen_at);
create index terminal_op_age_idx on terminal_op (booked_at);

-- Written by no release that may still run.
drop table sync_client;
alter table terminal drop column last_sync_at;

create index session_account_idx on session (account_id);
