-- Who did what to whom, when and why: a row for each act, in the transaction of its effect. It names which fields changed; what
-- they were is in the history tables. A row is never changed. Of money the journal itself is the record, so nothing is written twice.
create table audit_entry (
    id               bigint generated always as identity primary key,
    at               timestamptz not null,
    -- Such as staff:UUID, member:UUID, till:UUID, cli or cli:LOGIN.
    actor            text not null check (length(actor) between 1 and 120),
    action           text not null check (length(action) between 1 and 60),
    -- The memberships that it is about, and where they were registered.
    members          uuid[] not null default '{}',
    organisation_id  bigint references organisation,
    -- What else it is about, such as till:UUID or purchase:UUID.
    subject          text check (length(subject) between 1 and 120),
    reason           text check (length(reason) between 1 and 600),
    fields           text[] not null default '{}',
    xid              xid8 not null default pg_current_xact_id()
);
create index audit_entry_members_idx on audit_entry using gin (members);
create index audit_entry_actor_idx on audit_entry (actor, id);
create index audit_entry_order_idx on audit_entry (xid, id);

-- For the chain: journal rows of before have all the transaction of this migration.
alter table journal add column xid xid8 not null default pg_current_xact_id();
create index journal_order_idx on journal (xid, seq);

-- The chain: each link's hash covers the link before and one row of the log or of the journal. Links are made behind the commits, so no
-- act waits for another; whatever is changed or removed later breaks it.
create table audit_link (
    seq        bigint primary key,
    source     text not null check (source in ('entry', 'journal')),
    row_id     bigint not null,
    linked_at  timestamptz not null,
    hash       bytea not null check (length(hash) = 32),
    unique (source, row_id)
);

-- Up to where each source is linked: in the order of transactions, and after a restore, whose transactions are numbered anew, only
-- rows above a number.
create table audit_position (
    source  text primary key check (source in ('entry', 'journal')),
    xid     xid8 not null default '0',
    row_id  bigint not null default 0,
    floor   bigint not null default 0
);
insert into audit_position (source) values ('entry'), ('journal');

-- Who read the personal data of whom: a row for a reader, a member and a quarter of an hour.
create table audit_read (
    membership_id  uuid not null references membership,
    reader         text not null check (length(reader) between 1 and 120),
    quarter        timestamptz not null,
    primary key (membership_id, reader, quarter)
);
create index audit_read_reader_idx on audit_read (reader, quarter);

-- A page of a list that was shown: how it was asked for, and whom it named.
create table audit_page (
    id               bigint generated always as identity primary key,
    at               timestamptz not null,
    reader           text not null check (length(reader) between 1 and 120),
    organisation_id  bigint not null references organisation,
    filter           text not null check (length(filter) between 1 and 300),
    members          uuid[] not null
);
create index audit_page_members_idx on audit_page using gin (members);
create index audit_page_reader_idx on audit_page (reader, at);
create index audit_page_at_idx on audit_page (at);
create index audit_read_quarter_idx on audit_read (quarter);

-- What a link's hash covers of its row, as text that is the same wherever it is written: numbers, micros, arrays in their order.
create view audit_material as
select 'entry'::text as source, id as row_id, xid,
       jsonb_build_array(id, (extract(epoch from at) * 1000000)::bigint, actor, action, to_jsonb(members), organisation_id, subject, reason,
                         to_jsonb(fields))::text as material
from audit_entry
union all
select 'journal', seq, xid,
       jsonb_build_array(seq, (extract(epoch from booked_at) * 1000000)::bigint, (extract(epoch from event_at) * 1000000)::bigint, kind,
                         principal, idem, shard, membership_id, partner_id, outlet_id, terminal_id, amount_kopecks, accrual_kopecks,
                         commission_kopecks, redeem_kopecks, debt_kopecks, rule_version, reverses)::text
from journal;
