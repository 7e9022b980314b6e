-- Paying from the balance, cards known by their typed number, and the keys of partners' own servers.

-- The most of a purchase that may be paid from the balance, in hundredths of a percent; 0: this rule allows none. Part of the
-- versioned rule, so a purchase follows what was in force at its own time.
alter table offer add column redeem_max_share_bp integer not null default 0
    check (redeem_max_share_bp between 0 and 10000);

alter table purchase
    add column redeem_kopecks bigint not null default 0
        check (redeem_kopecks >= 0 and redeem_kopecks <= amount_kopecks),
    -- How the member was known: by a card's token, or by the number that was typed (which never redeems).
    add column shown_by text not null default 'token' check (shown_by in ('token', 'number')),
    add constraint purchase_redeems_by_token check (redeem_kopecks = 0 or shown_by = 'token');

-- A number typed at a till. The limits of a till are counted here, so they hold whatever becomes of Redis. The number is
-- not kept: what was unknown has no card.
create table number_lookup (
    id           uuid primary key,
    terminal_id  uuid not null references terminal,
    card_id      uuid references card,
    at           timestamptz not null,
    -- The mutation that it served; one purchase each.
    used_by      uuid
);
create index number_lookup_terminal_idx on number_lookup (terminal_id, at);
create index number_lookup_at_idx on number_lookup (at);

-- The keys by which partners' servers use the vendors' API. Only a keyed hash is kept.
create table partner_key (
    id          uuid primary key,
    partner_id  uuid not null references partner,
    name        text not null check (length(name) between 1 and 100),
    key_hash    bytea not null constraint partner_key_hash_key unique check (length(key_hash) = 32),
    created_at  timestamptz not null,
    revoked_at  timestamptz check (revoked_at >= created_at)
);
create index partner_key_partner_idx on partner_key (partner_id);
