-- Who may enter, and as whom. An account (login) is separate from the person; rights are mandates over a subtree.

create table account (
    id             uuid primary key,
    login          text collate "C" not null constraint account_login_key unique check (login = lower(login)),
    password_hash  text not null,
    display_name   text not null check (length(display_name) between 1 and 200),
    person_id      uuid references person,
    created_at     timestamptz not null,
    disabled_at    timestamptz
);

create table mandate (
    id               uuid primary key,
    account_id       uuid not null references account,
    organisation_id  bigint not null references organisation,
    role             text not null check (role in ('chair', 'regional')),
    term_from        date not null,
    term_to          date check (term_to > term_from)
);
create index mandate_account_idx on mandate (account_id);

-- A member's phone: its public key, exactly one active a membership.
create table device (
    id             uuid primary key,
    membership_id  uuid not null references membership,
    cose_key       bytea not null check (length(cose_key) between 30 and 100),
    enrolled_at    timestamptz not null,
    ended_at       timestamptz,
    ended_reason   text check (ended_reason in ('replaced', 'signed-out', 'lost', 'left', 'error')),
    check ((ended_at is null) = (ended_reason is null))
);
create unique index device_one_active on device (membership_id) where ended_at is null;

create table partner (
    id          uuid primary key,
    name        text not null check (length(name) between 1 and 200),
    created_at  timestamptz not null
);

create table outlet (
    id          uuid primary key,
    partner_id  uuid not null references partner,
    name        text not null check (length(name) between 1 and 200),
    address     text not null check (length(address) between 1 and 300),
    time_zone   text not null,
    created_at  timestamptz not null
);

create table terminal (
    id            uuid primary key,
    outlet_id     uuid not null references outlet,
    number        integer not null check (number > 0),
    paired_at     timestamptz not null,
    unpaired_at   timestamptz,
    last_sync_at  timestamptz,
    -- The browser's own secret id: paired anew at the same outlet, it goes on as the same till, with its numbers and the
    -- answers that it was given.
    client_id     uuid,
    constraint terminal_number_key unique (outlet_id, number),
    constraint terminal_client_key unique (outlet_id, client_id)
);

-- A code that pairs one till with one outlet, once. Only its keyed hash is kept.
create table pairing_code (
    code_hash    bytea primary key,
    outlet_id    uuid not null references outlet,
    created_at   timestamptz not null,
    expires_at   timestamptz not null,
    terminal_id  uuid references terminal
);

-- One row a signed-in browser face. The token itself is only in the cookie.
create table session (
    token_hash   bytea primary key,
    face         text not null check (face in ('staff', 'member', 'till')),
    account_id   uuid references account,
    device_id    uuid references device,
    terminal_id  uuid references terminal,
    created_at   timestamptz not null,
    expires_at   timestamptz not null,
    check (num_nonnulls(account_id, device_id, terminal_id) = 1),
    check ((face = 'staff') = (account_id is not null)
       and (face = 'member') = (device_id is not null)
       and (face = 'till') = (terminal_id is not null))
);
create index session_expiry_idx on session (expires_at);
create index session_device_idx on session (device_id);
create index session_terminal_idx on session (terminal_id);
