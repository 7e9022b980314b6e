-- When a job is due, as one rule; and only moments of jobs that every program can read.

-- Since when a job is due, or from when on; none when it is done or set aside. Nothing waits longer than an hour, no lease lasts longer than a
-- minute, and a job that was not tried yet is due since it was enqueued: a moment further ahead was written by a clock that was ahead, and the
-- job is due at once. A minute is left for a clock that is put right by seconds.
create function job_due_at(held job) returns timestamptz language sql as $$
    select case
        when held.state = 'waiting' and held.run_at <= clock_timestamp() + interval '61 minutes'
             and (held.key = 'hourly' or held.attempts > 0 or held.enqueued_at <= clock_timestamp()) then held.run_at
        when held.state = 'running' and held.lease_until <= clock_timestamp() + interval '2 minutes' then held.lease_until
        when held.state in ('waiting', 'running') then clock_timestamp()
    end
$$;

-- A moment that no program can read, as `infinity`, would keep all jobs from being listed.
update job set enqueued_at = clock_timestamp() where enqueued_at not between '1900-01-01 00:00+00' and '9999-01-01 00:00+00';
update job set run_at = clock_timestamp() where run_at not between '1900-01-01 00:00+00' and '9999-01-01 00:00+00';
update job set lease_until = clock_timestamp() where lease_until not between '1900-01-01 00:00+00' and '9999-01-01 00:00+00';
update job set finished_at = clock_timestamp() where finished_at not between '1900-01-01 00:00+00' and '9999-01-01 00:00+00';
alter table job add constraint job_moments_check check (
    least(enqueued_at, run_at, lease_until, finished_at) >= timestamptz '1900-01-01 00:00+00'
    and greatest(enqueued_at, run_at, lease_until, finished_at) <= timestamptz '9999-01-01 00:00+00'
);

-- What is done is done whole, also where the last units were none of the job's.
update job set progress_done = progress_of where state = 'done';
