-- Two more things that a member is told, and three sentences that were spelt out in several queries and are said once from now on.

-- The printed sheet asks for another birth date; every card was revoked, and the phone ended with it.
alter table notice drop constraint notice_kind_check;
alter table notice add constraint notice_kind_check check (kind in (
    'phone-enrolled', 'phone-replaced', 'phone-lost', 'signed-out', 'card-changed', 'sheet-printed', 'birth-date-changed',
    'cards-revoked', 'membership-suspended', 'membership-resumed', 'membership-ended', 'transferred'));

-- Whether a phone may be enrolled by a code: nobody has used or ended it, it is in time, it was not dated later than this by a clock
-- that was ahead, since nobody knows then how old it is, and the account that printed it was not closed: it may hold a stock of them.
create function is_usable_code(code activation_code, at timestamptz, latest timestamptz) returns boolean
    language sql stable
as $$
    select code.used_at is null and code.ended_at is null and code.expires_at > at and code.created_at <= latest
           and not exists (select from account a where a.id = code.created_by and a.disabled_at is not null)
$$;

-- Whether a counter's window runs. One that ends later than any that could begin now was begun by a clock that was ahead, and is over.
create function is_running_window(ends_at timestamptz, at timestamptz, latest_end timestamptz) returns boolean
    language sql immutable
as $$ select ends_at > at and ends_at <= latest_end $$;

-- Readiness no longer truncates this table, and neither may a vacuum: either takes a lock for itself alone, for which a standby cuts
-- its backups off.
alter table write_probe set (vacuum_truncate = off);
comment on table write_probe is
    'What /readyz writes and removes in one transaction: that the log takes it tells that the database is no standby.';
