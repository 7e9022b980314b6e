create table job (
    id               uuid primary key,
    -- What is to be done; the servers' table of kinds knows how. A kind that a server does not know is left to those that do.
    kind             text not null check (length(kind) between 1 and 60),
    -- Of one kind and key there is one row that is not done, so the same work is not queued twice.
    key              text check (length(key) between 1 and 120),
    args             jsonb not null default '{}' check (pg_column_size(args) <= 100000),
    -- Where staff wanted it; none for what an operator wants or a server does by itself.
    organisation_id  bigint references organisation,
    -- As the record names who acts: staff:UUID, cli, cli:LOGIN, server.
    enqueued_by      text not null check (length(enqueued_by) between 1 and 120),
    enqueued_at      timestamptz not null default clock_timestamp(),
    state            text not null default 'waiting' check (state in ('waiting', 'running', 'done', 'set-aside')),
    run_at           timestamptz not null default clock_timestamp(),
    -- Drawn anew at each claim: whoever cannot name it writes nothing any more. It stays when all is done.
    lease            uuid,
    lease_until      timestamptz,
    -- Claims since the mark last moved.
    attempts         integer not null default 0 check (attempts >= 0),
    -- From where it goes on; moved in the transaction of what was done up to there.
    mark             jsonb check (pg_column_size(mark) <= 100000),
    progress_done    bigint check (progress_done >= 0),
    progress_of      bigint check (progress_of >= 0),
    -- Why the last attempt failed; none once one has not.
    error            text check (length(error) <= 1000),
    result           jsonb check (pg_column_size(result) <= 100000),
    -- When it was done or set aside; of an hourly step when it was last tried.
    finished_at      timestamptz,
    check ((state = 'running') = (lease_until is not null)),
    check (state <> 'running' or lease is not null)
);
comment on table job is
    'Work behind the acts: what is to be done, who is at it, how far it is. Every moment here is the database''s, so that an instance
whose clock is wrong neither begins a thing early nor takes it from another.';
create unique index job_one_unfinished on job (kind, key) where state <> 'done';
create index job_next_idx on job (run_at) where state in ('waiting', 'running');
create index job_finished_idx on job (finished_at) where state in ('done', 'set-aside');

-- A bulk re-issue is a job from now on. One that was left unfinished waits, set aside, for whoever gives its command again; the table is
-- left as an older server knows it.
insert into job (id, kind, key, args, enqueued_by, enqueued_at, state, mark, error, finished_at)
select id, 'cards.reissue', scope, jsonb_build_object('selection', scope), 'cli', started_at, 'set-aside',
       jsonb_build_object('reached', reached, 'members', members, 'cards', cards, 'skipped', skipped),
       'it was stopped before it was a job', clock_timestamp()
from reissue_run where finished_at is null;
comment on table reissue_run is 'Written no more: a bulk re-issue is a row of job.';
