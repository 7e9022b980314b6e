-- What was shown to partners' servers is remembered, what a key that was given up has signed is told by one function, stored
-- answers keep no names.

-- The showings that a partner's server was told to be good. Each is good for a minute either way, so a row is of use for a few.
create table vendor_proof (
    identity    bytea primary key check (length(identity) = 32),
    expires_at  timestamptz not null
);
create index vendor_proof_expires_idx on vendor_proof (expires_at);

-- Whether the card key with this short name was given up.
create function is_lost_card_key(of_kid bytea) returns boolean language sql stable as $$
    select exists (select from revoked_key k where k.kid = of_kid and k.role = 'card')
$$;

-- When the cards of a revoked key were last gone through: what could not be made then is tried again later, not at once.
alter table revoked_key add column tried_at timestamptz;

-- The name on the card is read from the card when a purchase's answer is given; it was once kept in the answer.
update idempotency set answer = answer #- '{result,shownName}' where answer -> 'result' ? 'shownName';
