-- Places on the status lists are numbered, cards give way to newer ones without being touched, a list is signed once for
-- all instances, and bulk re-issues are runs that can be taken up again.

-- Every card takes the next number, whatever becomes of it: a number that a killed or refused transaction took is lost, and
-- none is given twice. Number p lies on list p / 2^21, so the lists that were drawn at random end here.
create sequence card_place_seq minvalue 2097152;
select setval('card_place_seq', 2097152 * (1 + coalesce(max(n), 0)::bigint), false) from status_list;

alter table status_list
    -- Keys the permutation that turns a place's position within the list into its index; null on lists drawn at random.
    add column place_key bytea check (length(place_key) = 32),
    -- When the last card on it had ended; it need not be declared any more.
    add column ended_at timestamptz;

-- Grows with each card, so of two cards of a class the greater is the newer. 0 for cards from before there were numbers.
alter table card add column place bigint not null default 0;
alter table card alter column place set default nextval('card_place_seq');

create index card_order_idx on card (membership_id, class, place) where purpose = 'member';
drop index card_membership_idx;

-- Where cards take their region from.
create index organisation_region_idx on organisation (path) where region_okato is not null;

-- A card lives until it is marked or there is a newer one of its class. `superseded_at` is no longer written.
create or replace view living_card as
select * from card c
where purpose = 'member' and status = 0 and superseded_at is null
  and not exists (
      select from card newer
      where newer.membership_id = c.membership_id and newer.class = c.class and newer.purpose = 'member'
        and newer.place > c.place
  );

-- The token that every instance serves for a list, so that all of them answer the same bytes and no reader is ever given
-- an older one than it holds. Not tied to `status_list`: declared lists are published before they are opened.
create table published_list (
    list_n     integer primary key,
    -- The revision it was made of; null while the list was not open.
    revision   bigint,
    kid        bytea not null check (length(kid) = 4),
    digest     bytea not null check (length(digest) = 16),
    -- The token's iat: never less than that of the token before.
    signed_at  timestamptz not null,
    cose       bytea not null
);

-- A bulk re-issue: where it stands, so that the same command goes on after whatever stopped it.
create table reissue_run (
    id           uuid primary key,
    -- Which cards: 'all phone', 'due both', 'key 0a1b2c3d both', …
    scope        text not null check (length(scope) <= 60),
    started_at   timestamptz not null,
    -- Members up to this number are done: who was entered together has numbers that lie together, and so do the rows.
    reached      text,
    members      bigint not null default 0,
    cards        bigint not null default 0,
    -- Cards that could not be made; the log says which and why.
    skipped      bigint not null default 0,
    finished_at  timestamptz
);
create unique index reissue_run_one_open on reissue_run (scope) where finished_at is null;

-- Whether a card belongs to what a bulk re-issue is about; a null wants everything. Simple enough to be inlined.
create function reissue_wants(
    class smallint, kid bytea, issued_at timestamptz, expires_at timestamptz,
    of_class smallint, of_kid bytea, phone_issued_before timestamptz, paper_ends_before timestamptz
) returns boolean language sql immutable as $$
    select (of_class is null or class = of_class) and (of_kid is null or kid = of_kid)
       and (phone_issued_before is null
            or (class = 1 and issued_at <= phone_issued_before) or (class = 2 and expires_at <= paper_ends_before))
$$;
