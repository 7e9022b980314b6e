-- What stands before a member's money: digits that the server draws for one redemption, and the days that a newly enrolled phone
-- has to wait before it redeems.

-- The digits under which a till, or a partner's server, may take from a balance. They are the key, so no two redemptions have the
-- same ones while they are reserved; a row whose time is over is taken for the next. The table never grows beyond its digits.
create table redemption_challenge (
    digits          text primary key check (digits ~ '^([0-9]{4}|[0-9]{6})$'),
    -- 'till:<terminal id>' or 'vendor:<partner key id>'
    asker           text not null,
    -- The till's number of the purchase, or the partner's own name of it.
    operation       text not null check (length(operation) between 1 and 64),
    issued_at       timestamptz not null,
    -- Until when they pay.
    expires_at      timestamptz not null,
    -- Until when nobody else is given them: a phone may show them for a while longer.
    reserved_until  timestamptz not null,
    used_at         timestamptz,
    -- Codes with other digits that were handed in for this operation.
    wrong_answers   smallint not null default 0
);
create index redemption_challenge_asker_idx on redemption_challenge (asker, operation, issued_at desc);
create index redemption_challenge_age_idx on redemption_challenge (reserved_until);

-- From when on a phone redeems. One that was enrolled before this rule has none, and does not wait.
alter table device add column redeems_from timestamptz;
-- Until when the phone agrees to be replaced by another, which then need not wait.
alter table device add column move_agreed_until timestamptz;

-- A sheet holds a code by which another phone takes the card: whose phone it would end is told.
alter table notice drop constraint notice_kind_check;
alter table notice add constraint notice_kind_check check (kind in (
    'phone-enrolled', 'phone-replaced', 'phone-lost', 'signed-out', 'card-changed', 'sheet-printed',
    'membership-suspended', 'membership-resumed', 'membership-ended', 'transferred'));

-- How many sheets an account has printed in a day.
create index activation_code_author_idx on activation_code (created_by, created_at);
