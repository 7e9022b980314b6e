-- The registry: organisations as a tree, people, and the dated facts about them.
-- Nothing is deleted and nothing is "as of today": every fact has validity dates; valid_to is exclusive, null = still true.

create table organisation (
    id            bigint generated always as identity primary key,
    parent_id     bigint references organisation,
    -- The ids from the root down, each followed by a dot: '1.17.305.'. Rights and statistics are a prefix test on it,
    -- never a list of visible ids. Collation "C" lets the ordinary index serve the prefix operator ^@.
    path          text collate "C" not null constraint organisation_path_key unique
                  check (path ~ '^([0-9]+\.)+$'),
    kind          text not null
                  check (kind in ('central', 'regional', 'territorial', 'primary', 'bureau', 'group')),
    name          text not null check (length(name) between 2 and 300),
    short_name    text not null check (length(short_name) between 2 and 120),
    -- First two digits of the ОКАТО; absent for the central organisation. It is printed on the cards.
    region_okato  smallint check (region_okato between 1 and 99),
    valid_from    date not null,
    valid_to      date check (valid_to > valid_from),
    check ((parent_id is null) = (kind = 'central'))
);
create index organisation_parent_idx on organisation (parent_id);

create table person (
    id           uuid primary key,
    last_name    text not null check (length(last_name) between 1 and 100),
    first_name   text not null check (length(first_name) between 1 and 100),
    middle_name  text check (length(middle_name) between 1 and 100),
    -- Written by the server with one normalisation (case, ё/е, hyphens, spaces), the same that searches use.
    search_name  text collate "C" not null,
    sex          text not null check (sex in ('f', 'm')),
    birth_date   date not null,
    phone        text check (phone ~ '^\+7[0-9]{10}$'),
    email        text check (length(email) <= 254),
    created_at   timestamptz not null
);
create index person_search_idx on person (search_name);

-- The 11-digit body of membership numbers; the twelfth digit is the check digit (Luhn). A number never changes and says
-- nothing of the region, because a membership moves with its person.
create sequence membership_number_seq minvalue 48000000000 maxvalue 99999999999 start 48000000001;

create table membership (
    id          uuid primary key,
    person_id   uuid not null references person,
    number      text not null constraint membership_number_key unique check (number ~ '^[0-9]{12}$'),
    status      text not null check (status in ('active', 'suspended', 'left', 'expelled', 'ended')),
    -- The day of the decision to admit; the length of membership counts from it.
    joined_on   date not null,
    valid_from  date not null,
    valid_to    date check (valid_to > valid_from)
);
create unique index membership_one_open on membership (person_id) where valid_to is null;

create table engagement (
    id          uuid primary key,
    person_id   uuid not null references person,
    -- 1 working, 2 student, 3 non-working pensioner: the figures that stand on the card.
    category    smallint not null check (category between 1 and 3),
    position    text check (length(position) between 1 and 200),
    valid_from  date not null,
    valid_to    date check (valid_to > valid_from)
);
create unique index engagement_one_open on engagement (person_id) where valid_to is null;

-- Учёт: where a member is registered. Exactly one open row a membership.
create table registration (
    id               uuid primary key,
    membership_id    uuid not null references membership,
    organisation_id  bigint not null references organisation,
    valid_from       date not null,
    valid_to         date check (valid_to > valid_from)
);
create unique index registration_one_open on registration (membership_id) where valid_to is null;
create index registration_organisation_idx on registration (organisation_id) where valid_to is null;

-- Each consent is a document of its own (156-ФЗ): given once, perhaps withdrawn, perhaps given again as a new row.
create table consent (
    id            uuid primary key,
    person_id     uuid not null references person,
    kind          text not null check (kind in ('processing', 'profcards', 'mailings', 'photo')),
    text_version  text not null check (length(text_version) between 1 and 40),
    channel       text not null check (channel in ('paper', 'app')),
    given_at      timestamptz not null,
    withdrawn_at  timestamptz check (withdrawn_at >= given_at)
);
create unique index consent_one_open on consent (person_id, kind) where withdrawn_at is null;

-- A membership with its person, where it is registered and what its person is, all as of now: what forms, cards and the
-- member's own phone show. Facts of another day are asked of the tables.
create view registered_member as
select m.id, m.number, m.status, m.joined_on,
       p.id as person_id, p.last_name, p.first_name, p.middle_name, p.sex, p.birth_date, p.phone, p.email,
       coalesce(e.category, 1::smallint) as category, e.position,
       o.id as organisation_id, o.short_name as organisation_name, o.path as organisation_path
from membership m
join person p on p.id = m.person_id
join registration r on r.membership_id = m.id and r.valid_to is null
join organisation o on o.id = r.organisation_id
left join engagement e on e.person_id = p.id and e.valid_to is null;
