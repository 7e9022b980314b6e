-- Offline clients: what changed for whom, in an order in which nothing can appear late.

-- One row a change that a client must learn. A sequence or a timestamp loses rows that commit late, so the order is
-- (xid, seq), and a reader takes only what lies below the oldest transaction still running (pg_snapshot_xmin).
create table change (
    seq        bigint generated always as identity primary key,
    xid        xid8 not null default pg_current_xact_id(),
    -- 'member:<membership id>' or 'till:<terminal id>'
    audience   text not null,
    entity     text not null,
    entity_id  text not null,
    deleted    boolean not null default false,
    changed_at timestamptz not null
);
create index change_audience_idx on change (audience, xid, seq);
create index change_age_idx on change (changed_at);

-- Changes before this point were pruned: a client whose cursor is older must start over.
create table change_horizon (
    one   boolean primary key default true check (one),
    xid   xid8 not null
);
insert into change_horizon (xid) values ('0');

create table sync_client (
    principal     text not null,
    client_id     uuid not null,
    acked_seq     bigint not null default 0,
    last_seen_at  timestamptz not null,
    primary key (principal, client_id)
);
