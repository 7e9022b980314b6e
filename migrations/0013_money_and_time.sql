-- Whose word about the time counts. A till's clock describes an event; it neither shortens a wait nor picks a rule. The
-- server's own clock is believed by what cannot be undone only while it goes on from where it was.

-- A purchase that is handed in late, or by a card that has ended since, is booked on the till's word. Above a sum it is
-- `held`: its cashback waits until a person has decided.
alter table purchase
    drop constraint purchase_state_check,
    add constraint purchase_state_check check (state in ('pending', 'held', 'available', 'cancelled')),
    add column on_trust boolean not null default false;
create index purchase_held_idx on purchase (booked_at) where state = 'held';
create index purchase_trusted_member_idx on purchase (membership_id, booked_at) where on_trust;
create index purchase_trusted_till_idx on purchase (terminal_id, booked_at) where on_trust;

-- `take-back` undoes a confirmed purchase. What of it is spent already becomes debt, which later confirmations pay first.
alter table journal
    drop constraint journal_kind_check,
    add constraint journal_kind_check check (kind in ('purchase', 'confirm', 'refund', 'take-back')),
    add column debt_kopecks bigint not null default 0,
    add constraint journal_debt_check check (
        debt_kopecks between 0 and accrual_kopecks and (debt_kopecks = 0 or kind in ('confirm', 'take-back')));

-- The legs of each posting. Positive: the programme owes the account; negative: the account owes the programme.
create or replace view journal_leg as
select j.seq, j.booked_at, leg.account, leg.owner, leg.kopecks
from journal j
cross join lateral (values
    ('member:pending',       j.membership_id, case j.kind when 'purchase'  then j.accrual_kopecks
                                                          when 'take-back' then 0
                                                          else -j.accrual_kopecks end),
    ('member:available',     j.membership_id, case j.kind when 'purchase'  then -j.redeem_kopecks
                                                          when 'confirm'   then j.accrual_kopecks - j.debt_kopecks
                                                          when 'take-back' then j.redeem_kopecks - (j.accrual_kopecks - j.debt_kopecks)
                                                          else j.redeem_kopecks end),
    ('member:debt',          j.membership_id, case j.kind when 'confirm'   then j.debt_kopecks
                                                          when 'take-back' then -j.debt_kopecks
                                                          else 0 end),
    ('partner',              j.partner_id,    case j.kind when 'purchase'  then j.redeem_kopecks - j.accrual_kopecks - j.commission_kopecks
                                                          when 'confirm'   then 0
                                                          else j.accrual_kopecks + j.commission_kopecks - j.redeem_kopecks end),
    ('programme:commission', null::uuid,      case j.kind when 'purchase'  then j.commission_kopecks
                                                          when 'confirm'   then 0
                                                          else -j.commission_kopecks end)
) as leg (account, owner, kopecks)
where leg.kopecks <> 0;

-- What a person decided of a purchase, and why. Each decision is made once.
create table purchase_decision (
    purchase_id   uuid not null references purchase,
    decision      text not null check (decision in ('release', 'take-back')),
    reason        text not null check (length(reason) between 1 and 500),
    decided_by    text not null,
    decided_at    timestamptz not null,
    -- The posting that it made, booked at the same moment; a release makes none.
    posting_seq   bigint,
    primary key (purchase_id, decision),
    check ((decision = 'take-back') = (posting_seq is not null))
);

-- The time as the last rounds of housekeeping saw it: after a jump it is doubted until it has gone on evenly for a day, or
-- a person has said that it is right.
create table clock_seen (
    one            boolean primary key default true check (one),
    trusted_at     timestamptz not null,
    seen_at        timestamptz not null,
    doubted_since  timestamptz
);
