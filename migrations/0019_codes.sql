-- What is true of an activation code whatever a clock said when it was printed, used or ended.

-- The order in which codes were printed: a sheet that a clock ahead has dated is not the newest for that.
alter table activation_code add column number bigint;
update activation_code a set number = o.number
from (select id, row_number() over (order by created_at, id) as number from activation_code) o
where o.id = a.id;
alter table activation_code alter column number set not null;
alter table activation_code alter column number add generated always as identity;
select setval(pg_get_serial_sequence('activation_code', 'number'), (select coalesce(max(number), 0) + 1 from activation_code), false);

-- Ended before it was used: by a loss, a revocation or a newer sheet.
alter table activation_code add column ended_at timestamptz;
