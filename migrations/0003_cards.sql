-- Issued cards, their places on the public status lists, and the codes by which a phone is enrolled.

create table status_list (
    n          integer primary key check (n > 0),
    uri        text not null constraint status_list_uri_key unique,
    -- How many cards the list can name. Indices are drawn at random and never reused, so a list is left at half full.
    capacity   integer not null check (capacity > 0),
    -- Grows with every change of a status on the list; a published token is made for one revision.
    revision   bigint not null default 0,
    opened_at  timestamptz not null
);

create table card (
    id             uuid primary key,
    membership_id  uuid not null references membership,
    device_id      uuid references device,
    class          smallint not null check (class in (1, 2)),
    -- A sample is a real card of a demo member that belongs to no phone and replaces none.
    purpose        text not null check (purpose in ('member', 'sample')),
    list_n         integer not null references status_list,
    idx            integer not null check (idx >= 0),
    kid            bytea not null check (length(kid) = 4),
    -- The COSE_Key of the phone; there exactly when the class is 1.
    cnf            bytea,
    cose           bytea not null check (length(cose) <= 1024),
    issued_at      timestamptz not null,
    expires_at     timestamptz not null check (expires_at > issued_at),
    superseded_at  timestamptz,
    -- Token Status List values: 0 valid, 1 invalid (final), 2 suspended.
    status         smallint not null default 0 check (status in (0, 1, 2)),
    status_at      timestamptz,
    status_reason  text,
    constraint card_index_key unique (list_n, idx),
    check ((class = 1) = (cnf is not null)),
    check ((status = 0 and status_at is null) or status_at is not null)
);
create index card_membership_idx on card (membership_id);
create index card_marked_idx on card (list_n, idx) where status <> 0;

-- The cards that members hold now. Whether one has expired depends on the moment asked about, so that stays a condition
-- of the question.
create view living_card as
select * from card where purpose = 'member' and status = 0 and superseded_at is null;

-- Typed by the member together with the birth date. 50 bits, one use; only a keyed hash is kept.
create table activation_code (
    id             uuid primary key,
    code_hash      bytea not null constraint activation_code_hash_key unique,
    membership_id  uuid not null references membership,
    created_by     uuid references account,
    created_at     timestamptz not null,
    expires_at     timestamptz not null,
    used_at        timestamptz,
    -- Wrong birth dates typed with this code; at the limit the code is dead.
    failures       integer not null default 0
);
create index activation_code_membership_idx on activation_code (membership_id);

-- What the phone signs to prove that it holds the key. A repeated enrolment with the same key gets the same device.
create table enrolment_challenge (
    challenge      bytea primary key check (length(challenge) = 32),
    activation_id  uuid not null references activation_code,
    expires_at     timestamptz not null,
    device_id      uuid references device
);
