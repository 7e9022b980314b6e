-- ПрофКардс: the cashback ledger. Money is integer kopecks. The journal is the truth; the rest is derived from it or
-- guards it. Nothing here is ever updated except `balance`, `purchase.state` and the answers in `idempotency`.

-- One simple cashback rule a partner, versioned: a purchase follows the version in force at its own time.
create table offer (
    partner_id                uuid not null references partner,
    version                   integer not null check (version > 0),
    title                     text not null check (length(title) between 1 and 200),
    percent_bp                integer not null check (percent_bp between 0 and 10000),
    commission_bp             integer not null check (commission_bp between 0 and 10000),
    min_amount_kopecks        bigint not null default 0 check (min_amount_kopecks >= 0),
    cap_per_purchase_kopecks  bigint check (cap_per_purchase_kopecks > 0),
    valid_from                timestamptz not null,
    valid_to                  timestamptz check (valid_to > valid_from),
    primary key (partner_id, version)
);

-- Every effect and the key that makes its repetition harmless commit together. The key belongs to one principal
-- ('till:…', 'staff:…'), so nobody can learn another's answer by guessing an id.
create table idempotency (
    principal     text not null,
    id            uuid not null,
    payload_hash  bytea not null check (length(payload_hash) = 32),
    -- What was answered. Set in the transaction that made the row; null is never seen by another transaction.
    answer        jsonb,
    created_at    timestamptz not null,
    primary key (principal, id)
);

-- A journal row is one whole posting, so double entry is structural: `journal_leg` unfolds it into legs that sum to zero.
create table journal (
    seq                 bigint generated always as identity,
    booked_at           timestamptz not null,
    -- When it happened by the till's clock, corrected; a closed period never changes, so reports go by booked_at.
    event_at            timestamptz not null,
    kind                text not null check (kind in ('purchase', 'confirm', 'refund')),
    principal           text not null,
    idem                uuid not null,
    -- Member shards and commit batches: one of each until group commit gives them meaning.
    shard               smallint not null default 0,
    membership_id       uuid not null,
    partner_id          uuid not null,
    outlet_id           uuid not null,
    terminal_id         uuid not null,
    amount_kopecks      bigint not null check (amount_kopecks > 0),
    accrual_kopecks     bigint not null check (accrual_kopecks >= 0),
    commission_kopecks  bigint not null check (commission_kopecks >= 0),
    redeem_kopecks      bigint not null default 0 check (redeem_kopecks >= 0),
    rule_version        integer,
    reverses            bigint,
    primary key (seq, booked_at),
    check (accrual_kopecks <= amount_kopecks and redeem_kopecks <= amount_kopecks),
    -- A confirmation and a refund say which purchase they are about.
    check ((kind = 'purchase') = (reverses is null))
) partition by range (booked_at);
create index journal_membership_idx on journal (membership_id, seq);
create index journal_partner_idx on journal (partner_id, booked_at);

-- The server makes the months ahead (ensure_journal_partitions); the default catches what a stopped server missed.
create table journal_default partition of journal default;

create function ensure_journal_partitions(month_from date, months integer) returns void
language plpgsql as $$
declare
    first_day date := date_trunc('month', month_from)::date;
    next_day  date;
begin
    -- Concurrent servers may call this at once; one lock keeps them from racing on the same name.
    perform pg_advisory_xact_lock(hashtext('journal partitions'));
    for i in 1..months loop
        next_day := (first_day + interval '1 month')::date;
        if to_regclass(format('journal_%s', to_char(first_day, 'YYYY_MM'))) is null
           and not exists (select 1 from journal_default
                            where booked_at >= first_day::timestamp at time zone 'Europe/Moscow'
                              and booked_at <  next_day::timestamp at time zone 'Europe/Moscow') then
            execute format('create table journal_%s partition of journal for values from (%L) to (%L)',
                           to_char(first_day, 'YYYY_MM'),
                           first_day::timestamp at time zone 'Europe/Moscow',
                           next_day::timestamp at time zone 'Europe/Moscow');
        end if;
        first_day := next_day;
    end loop;
end $$;

-- The legs of each posting. Positive: the programme owes the account; negative: the account owes the programme.
create view journal_leg as
select j.seq, j.booked_at, leg.account, leg.owner, leg.kopecks
from journal j
cross join lateral (values
    ('member:pending',       j.membership_id, case when j.kind = 'purchase' then j.accrual_kopecks
                                                   else -j.accrual_kopecks end),
    ('member:available',     j.membership_id, case j.kind when 'purchase' then -j.redeem_kopecks
                                                          when 'confirm'  then j.accrual_kopecks
                                                          else j.redeem_kopecks end),
    ('partner',              j.partner_id,    case j.kind when 'purchase' then j.redeem_kopecks - j.accrual_kopecks - j.commission_kopecks
                                                          when 'refund'   then j.accrual_kopecks + j.commission_kopecks - j.redeem_kopecks
                                                          else 0 end),
    ('programme:commission', null::uuid,      case j.kind when 'purchase' then j.commission_kopecks
                                                          when 'refund'   then -j.commission_kopecks
                                                          else 0 end)
) as leg (account, owner, kopecks)
where leg.kopecks <> 0;

-- What an offline till numbered: one operation, one number, ever.
create table terminal_op (
    terminal_id  uuid not null references terminal,
    op_no        bigint not null check (op_no > 0),
    idem         uuid not null,
    primary key (terminal_id, op_no)
);

-- One purchase a presentation, ever. The identity is the SHA-256 of the presentation's Sig_structure, never of the
-- token or the signature, which a stranger can re-write.
create table proof (
    identity     bytea primary key check (length(identity) = 32),
    terminal_id  uuid not null references terminal,
    idem         uuid not null,
    seen_at      timestamptz not null
);

create table balance (
    membership_id      uuid primary key references membership,
    available_kopecks  bigint not null default 0 check (available_kopecks >= 0),
    pending_kopecks    bigint not null default 0 check (pending_kopecks >= 0),
    debt_kopecks       bigint not null default 0 check (debt_kopecks >= 0),
    held_kopecks       bigint not null default 0 check (held_kopecks >= 0 and held_kopecks <= available_kopecks),
    -- Grows with every change, so that a cache never replaces a newer balance by an older one.
    version            bigint not null default 0
) with (fillfactor = 50);

-- The purchase as people see it: a projection of the journal with its present state.
create table purchase (
    id               uuid primary key,
    seq              bigint not null constraint purchase_seq_key unique,
    terminal_id      uuid not null references terminal,
    idem             uuid not null,
    op_no            bigint not null,
    membership_id    uuid not null references membership,
    partner_id       uuid not null references partner,
    outlet_id        uuid not null references outlet,
    card_id          uuid not null references card,
    amount_kopecks   bigint not null,
    accrual_kopecks  bigint not null,
    rule_version     integer,
    state            text not null check (state in ('pending', 'available', 'cancelled')),
    event_at         timestamptz not null,
    booked_at        timestamptz not null,
    -- The first day (Europe/Moscow) on which the cashback may be spent: the return window has closed.
    confirm_on       date not null,
    cancelled_at     timestamptz,
    constraint purchase_mutation_key unique (terminal_id, idem)
);
create index purchase_terminal_idx on purchase (terminal_id, event_at desc);
create index purchase_member_idx on purchase (membership_id, event_at desc);
create index purchase_confirm_idx on purchase (confirm_on) where state = 'pending';
