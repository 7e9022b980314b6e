-- What becomes of a member after the entry: changes of data, of the membership's status, of the phone; and what the member
-- is told of it.

-- The steps of a membership after its admission, oldest first: whoever asks what was true at some moment takes the newest one
-- before it, or 'active'. `membership.status` is the newest of all.
create table membership_step (
    id             bigint generated always as identity primary key,
    membership_id  uuid not null references membership,
    status         text not null check (status in ('active', 'suspended', 'left', 'expelled', 'ended')),
    taken_at       timestamptz not null,
    taken_by       uuid references account
);
create index membership_step_idx on membership_step (membership_id, taken_at, id);

-- What a person's data were before a change: names, contacts and the birth date are put right in place, and nothing that was
-- once on record is lost.
create table person_before (
    id           bigint generated always as identity primary key,
    person_id    uuid not null references person,
    last_name    text not null,
    first_name   text not null,
    middle_name  text,
    sex          text not null,
    birth_date   date not null,
    phone        text,
    email        text,
    replaced_at  timestamptz not null,
    replaced_by  uuid references account
);
create index person_before_idx on person_before (person_id);

-- What a member is told of the card, the phone and the membership. Kept for thirteen months, a hundred a member.
create table notice (
    id             uuid primary key,
    membership_id  uuid not null references membership,
    kind           text not null check (kind in (
                       'phone-enrolled', 'phone-replaced', 'phone-lost', 'signed-out', 'card-changed',
                       'membership-suspended', 'membership-resumed', 'membership-ended', 'transferred')),
    given_at       timestamptz not null,
    given_by       text not null check (given_by in ('member', 'chair', 'system')),
    params         jsonb not null default '{}',
    read_at        timestamptz
);
create index notice_membership_idx on notice (membership_id, given_at desc, id);
create index notice_age_idx on notice (given_at);
