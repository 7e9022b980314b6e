-- What comes back to a member pays what is owed first, and one table tells of every showing whether it has served.

-- Of a refund and a take-back `debt_kopecks` is by how much the debt grows, below zero by how much it is paid; of a confirmation it is
-- what is paid, as before.
alter table journal
    drop constraint journal_debt_check,
    add constraint journal_debt_check check (case kind
        when 'confirm'   then debt_kopecks between 0 and accrual_kopecks
        when 'refund'    then debt_kopecks between -redeem_kopecks and 0
        when 'take-back' then debt_kopecks between -redeem_kopecks and accrual_kopecks
        else debt_kopecks = 0 end);

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
                                                          else j.redeem_kopecks + j.debt_kopecks end),
    ('member:debt',          j.membership_id, case j.kind when 'purchase'  then 0
                                                          when 'confirm'   then j.debt_kopecks
                                                          else -j.debt_kopecks end),
    ('partner',              j.partner_id,    case j.kind when 'purchase'  then j.redeem_kopecks - j.accrual_kopecks - j.commission_kopecks
                                                          when 'confirm'   then 0
                                                          else j.accrual_kopecks + j.commission_kopecks - j.redeem_kopecks end),
    ('programme:commission', null::uuid,      case j.kind when 'purchase'  then j.commission_kopecks
                                                          when 'confirm'   then 0
                                                          else -j.commission_kopecks end)
) as leg (account, owner, kopecks)
where leg.kopecks <> 0;

-- A showing serves once, at a till of the app or at a partner's server: the key of one table decides between them. `vendor_proof` is
-- written no more; servers of the release before still read it, so it is dropped later.
alter table proof
    alter column terminal_id drop not null,
    alter column idem drop not null,
    add column partner_key_id uuid references partner_key,
    add constraint proof_place_check check (num_nonnulls(terminal_id, idem) = case when partner_key_id is null then 2 else 0 end);

-- What partners' servers were told that a member lets them take. It moves no money: settlements are compared with it.
create table vendor_redemption (
    identity        bytea primary key check (length(identity) = 32),
    partner_key_id  uuid not null references partner_key,
    operation       text not null check (length(operation) between 1 and 64),
    membership_id   uuid not null references membership,
    most_kopecks    bigint not null check (most_kopecks > 0),
    allowed_at      timestamptz not null
);
create index vendor_redemption_age_idx on vendor_redemption (allowed_at);
