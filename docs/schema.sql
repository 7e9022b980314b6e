-- Made by bin/prepare schema with PostgreSQL 15.

CREATE FUNCTION ensure_journal_partitions(month_from date, months integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION is_lost_card_key(of_kid bytea) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    select exists (select from revoked_key k where k.kid = of_kid and k.role = 'card')
$$;

CREATE FUNCTION is_running_window(ends_at timestamp with time zone, at timestamp with time zone, latest_end timestamp with time zone) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$ select ends_at > at and ends_at <= latest_end $$;

CREATE TABLE activation_code (
    id uuid NOT NULL,
    code_hash bytea NOT NULL,
    membership_id uuid NOT NULL,
    created_by uuid,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    number bigint NOT NULL,
    ended_at timestamp with time zone
);

COMMENT ON TABLE activation_code IS 'A printed code that enrols one phone, once, with the birth date. Only its keyed hash is kept; `number` is the order of printing.';

CREATE FUNCTION is_usable_code(code activation_code, at timestamp with time zone, latest timestamp with time zone) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    select code.used_at is null and code.ended_at is null and code.expires_at > at and code.created_at <= latest
           and not exists (select from account a where a.id = code.created_by and a.disabled_at is not null)
$$;

CREATE TABLE job (
    id uuid NOT NULL,
    kind text NOT NULL,
    key text,
    args jsonb DEFAULT '{}'::jsonb NOT NULL,
    organisation_id bigint,
    enqueued_by text NOT NULL,
    enqueued_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    run_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    lease uuid,
    lease_until timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    mark jsonb,
    progress_done bigint,
    progress_of bigint,
    error text,
    result jsonb,
    finished_at timestamp with time zone,
    CONSTRAINT job_args_check CHECK ((pg_column_size(args) <= 100000)),
    CONSTRAINT job_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT job_check CHECK (((state = 'running'::text) = (lease_until IS NOT NULL))),
    CONSTRAINT job_check1 CHECK (((state <> 'running'::text) OR (lease IS NOT NULL))),
    CONSTRAINT job_enqueued_by_check CHECK (((length(enqueued_by) >= 1) AND (length(enqueued_by) <= 120))),
    CONSTRAINT job_error_check CHECK ((length(error) <= 1000)),
    CONSTRAINT job_key_check CHECK (((length(key) >= 1) AND (length(key) <= 120))),
    CONSTRAINT job_kind_check CHECK (((length(kind) >= 1) AND (length(kind) <= 60))),
    CONSTRAINT job_mark_check CHECK ((pg_column_size(mark) <= 100000)),
    CONSTRAINT job_moments_check CHECK (((LEAST(enqueued_at, run_at, lease_until, finished_at) >= '1900-01-01 00:00:00+00'::timestamp with time zone) AND (GREATEST(enqueued_at, run_at, lease_until, finished_at) <= '9999-01-01 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT job_progress_done_check CHECK ((progress_done >= 0)),
    CONSTRAINT job_progress_of_check CHECK ((progress_of >= 0)),
    CONSTRAINT job_result_check CHECK ((pg_column_size(result) <= 100000)),
    CONSTRAINT job_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'running'::text, 'done'::text, 'set-aside'::text])))
);

COMMENT ON TABLE job IS 'Work behind the acts: what is to be done, who is at it, how far it is. Every moment here is the database''s, so that an instance
whose clock is wrong neither begins a thing early nor takes it from another.';

CREATE FUNCTION job_due_at(held job) RETURNS timestamp with time zone
    LANGUAGE sql
    AS $$
    select case
        when held.state = 'waiting' and held.run_at <= clock_timestamp() + interval '61 minutes'
             and (held.key = 'hourly' or held.attempts > 0 or held.enqueued_at <= clock_timestamp()) then held.run_at
        when held.state = 'running' and held.lease_until <= clock_timestamp() + interval '2 minutes' then held.lease_until
        when held.state in ('waiting', 'running') then clock_timestamp()
    end
$$;

CREATE FUNCTION reissue_wants(class smallint, kid bytea, issued_at timestamp with time zone, expires_at timestamp with time zone, of_class smallint, of_kid bytea, phone_issued_before timestamp with time zone, paper_ends_before timestamp with time zone) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
    select (of_class is null or class = of_class) and (of_kid is null or kid = of_kid)
       and (phone_issued_before is null
            or (class = 1 and issued_at <= phone_issued_before) or (class = 2 and expires_at <= paper_ends_before))
$$;

CREATE TABLE account (
    id uuid NOT NULL,
    login text NOT NULL COLLATE pg_catalog."C",
    password_hash text NOT NULL,
    display_name text NOT NULL,
    person_id uuid,
    created_at timestamp with time zone NOT NULL,
    disabled_at timestamp with time zone,
    CONSTRAINT account_display_name_check CHECK (((length(display_name) >= 1) AND (length(display_name) <= 200))),
    CONSTRAINT account_login_check CHECK ((login = lower(login)))
);

COMMENT ON TABLE account IS 'A login of staff with its password''s hash; rights are mandates.';

ALTER TABLE activation_code ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME activation_code_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE audit_entry (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    members uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    organisation_id bigint,
    subject text,
    reason text,
    fields text[] DEFAULT '{}'::text[] NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT audit_entry_action_check CHECK (((length(action) >= 1) AND (length(action) <= 60))),
    CONSTRAINT audit_entry_actor_check CHECK (((length(actor) >= 1) AND (length(actor) <= 120))),
    CONSTRAINT audit_entry_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 600))),
    CONSTRAINT audit_entry_subject_check CHECK (((length(subject) >= 1) AND (length(subject) <= 120)))
);

COMMENT ON TABLE audit_entry IS 'Who did what to whom, when and why: a row an act, in the transaction of its effect. Names fields, never their values. Never changed.';

ALTER TABLE audit_entry ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME audit_entry_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE audit_link (
    seq bigint NOT NULL,
    source text NOT NULL,
    row_id bigint NOT NULL,
    linked_at timestamp with time zone NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_link_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT audit_link_source_check CHECK ((source = ANY (ARRAY['entry'::text, 'journal'::text])))
);

COMMENT ON TABLE audit_link IS 'The chain over audit_entry and journal: each hash covers the link before and one row.';

CREATE TABLE journal (
    seq bigint NOT NULL,
    booked_at timestamp with time zone NOT NULL,
    event_at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    principal text NOT NULL,
    idem uuid NOT NULL,
    shard smallint DEFAULT 0 NOT NULL,
    membership_id uuid NOT NULL,
    partner_id uuid NOT NULL,
    outlet_id uuid NOT NULL,
    terminal_id uuid NOT NULL,
    amount_kopecks bigint NOT NULL,
    accrual_kopecks bigint NOT NULL,
    commission_kopecks bigint NOT NULL,
    redeem_kopecks bigint DEFAULT 0 NOT NULL,
    rule_version integer,
    reverses bigint,
    debt_kopecks bigint DEFAULT 0 NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT journal_accrual_kopecks_check CHECK ((accrual_kopecks >= 0)),
    CONSTRAINT journal_amount_kopecks_check CHECK ((amount_kopecks > 0)),
    CONSTRAINT journal_check CHECK (((accrual_kopecks <= amount_kopecks) AND (redeem_kopecks <= amount_kopecks))),
    CONSTRAINT journal_check1 CHECK (((kind = 'purchase'::text) = (reverses IS NULL))),
    CONSTRAINT journal_commission_kopecks_check CHECK ((commission_kopecks >= 0)),
    CONSTRAINT journal_debt_check CHECK (
CASE kind
    WHEN 'confirm'::text THEN ((debt_kopecks >= 0) AND (debt_kopecks <= accrual_kopecks))
    WHEN 'refund'::text THEN ((debt_kopecks >= (- redeem_kopecks)) AND (debt_kopecks <= 0))
    WHEN 'take-back'::text THEN ((debt_kopecks >= (- redeem_kopecks)) AND (debt_kopecks <= accrual_kopecks))
    ELSE (debt_kopecks = 0)
END),
    CONSTRAINT journal_kind_check CHECK ((kind = ANY (ARRAY['purchase'::text, 'confirm'::text, 'refund'::text, 'take-back'::text]))),
    CONSTRAINT journal_redeem_kopecks_check CHECK ((redeem_kopecks >= 0))
)
PARTITION BY RANGE (booked_at);

COMMENT ON TABLE journal IS 'The books: a row is one whole posting, and journal_leg unfolds it into legs that sum to zero. Never changed. Partitioned by the month of `booked_at` in Moscow.';

COMMENT ON COLUMN journal.shard IS 'A shard of members; one until members are spread over several.';

CREATE VIEW audit_material AS
 SELECT 'entry'::text AS source,
    audit_entry.id AS row_id,
    audit_entry.xid,
    (jsonb_build_array(audit_entry.id, ((EXTRACT(epoch FROM audit_entry.at) * (1000000)::numeric))::bigint, audit_entry.actor, audit_entry.action, to_jsonb(audit_entry.members), audit_entry.organisation_id, audit_entry.subject, audit_entry.reason, to_jsonb(audit_entry.fields)))::text AS material
   FROM audit_entry
UNION ALL
 SELECT 'journal'::text AS source,
    journal.seq AS row_id,
    journal.xid,
    (jsonb_build_array(journal.seq, ((EXTRACT(epoch FROM journal.booked_at) * (1000000)::numeric))::bigint, ((EXTRACT(epoch FROM journal.event_at) * (1000000)::numeric))::bigint, journal.kind, journal.principal, journal.idem, journal.shard, journal.membership_id, journal.partner_id, journal.outlet_id, journal.terminal_id, journal.amount_kopecks, journal.accrual_kopecks, journal.commission_kopecks, journal.redeem_kopecks, journal.debt_kopecks, journal.rule_version, journal.reverses))::text AS material
   FROM journal;

COMMENT ON VIEW audit_material IS 'What a link''s hash covers of its row, as text that is the same wherever it is written.';

CREATE TABLE audit_page (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    reader text NOT NULL,
    organisation_id bigint NOT NULL,
    filter text NOT NULL,
    members uuid[] NOT NULL,
    CONSTRAINT audit_page_filter_check CHECK (((length(filter) >= 1) AND (length(filter) <= 300))),
    CONSTRAINT audit_page_reader_check CHECK (((length(reader) >= 1) AND (length(reader) <= 120)))
);

COMMENT ON TABLE audit_page IS 'A page of a list that was shown: how it was asked for, and whom it named.';

ALTER TABLE audit_page ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME audit_page_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE audit_position (
    source text NOT NULL,
    xid xid8 DEFAULT '0'::xid8 NOT NULL,
    row_id bigint DEFAULT 0 NOT NULL,
    floor bigint DEFAULT 0 NOT NULL,
    CONSTRAINT audit_position_source_check CHECK ((source = ANY (ARRAY['entry'::text, 'journal'::text])))
);

COMMENT ON TABLE audit_position IS 'Up to which transaction each source is linked to the chain.';

CREATE TABLE audit_read (
    membership_id uuid NOT NULL,
    reader text NOT NULL,
    quarter timestamp with time zone NOT NULL,
    CONSTRAINT audit_read_reader_check CHECK (((length(reader) >= 1) AND (length(reader) <= 120)))
);

COMMENT ON TABLE audit_read IS 'Who was shown a member''s data: a row for a reader, a member and a quarter of an hour.';

CREATE TABLE balance (
    membership_id uuid NOT NULL,
    available_kopecks bigint DEFAULT 0 NOT NULL,
    pending_kopecks bigint DEFAULT 0 NOT NULL,
    debt_kopecks bigint DEFAULT 0 NOT NULL,
    held_kopecks bigint DEFAULT 0 NOT NULL,
    version bigint DEFAULT 0 NOT NULL,
    CONSTRAINT balance_available_kopecks_check CHECK ((available_kopecks >= 0)),
    CONSTRAINT balance_check CHECK (((held_kopecks >= 0) AND (held_kopecks <= available_kopecks))),
    CONSTRAINT balance_debt_kopecks_check CHECK ((debt_kopecks >= 0)),
    CONSTRAINT balance_pending_kopecks_check CHECK ((pending_kopecks >= 0))
)
WITH (fillfactor='50');

COMMENT ON TABLE balance IS 'What a member has, derived from the journal: pending, available, held, debt; in kopecks.';

CREATE SEQUENCE card_place_seq
    START WITH 2097152
    INCREMENT BY 1
    MINVALUE 2097152
    NO MAXVALUE
    CACHE 1;

CREATE TABLE card (
    id uuid NOT NULL,
    membership_id uuid NOT NULL,
    device_id uuid,
    class smallint NOT NULL,
    purpose text NOT NULL,
    list_n integer NOT NULL,
    idx integer NOT NULL,
    kid bytea NOT NULL,
    cnf bytea,
    cose bytea NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    superseded_at timestamp with time zone,
    status smallint DEFAULT 0 NOT NULL,
    status_at timestamp with time zone,
    status_reason text,
    place bigint DEFAULT nextval('card_place_seq'::regclass) NOT NULL,
    CONSTRAINT card_check CHECK ((expires_at > issued_at)),
    CONSTRAINT card_check1 CHECK (((class = 1) = (cnf IS NOT NULL))),
    CONSTRAINT card_check2 CHECK ((((status = 0) AND (status_at IS NULL)) OR (status_at IS NOT NULL))),
    CONSTRAINT card_class_check CHECK ((class = ANY (ARRAY[1, 2]))),
    CONSTRAINT card_cose_check CHECK ((length(cose) <= 1024)),
    CONSTRAINT card_idx_check CHECK ((idx >= 0)),
    CONSTRAINT card_kid_check CHECK ((length(kid) = 4)),
    CONSTRAINT card_purpose_check CHECK ((purpose = ANY (ARRAY['member'::text, 'sample'::text]))),
    CONSTRAINT card_status_check CHECK ((status = ANY (ARRAY[0, 1, 2])))
);

COMMENT ON TABLE card IS 'A signed card and its place on the public status lists. Of a member and a class the one with the greatest `place` is held; `status`: 0 valid, 1 revoked, 2 suspended.';

COMMENT ON COLUMN card.superseded_at IS 'Set on cards from before places were numbered (place 0); never written since.';

CREATE TABLE change (
    seq bigint NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    audience text NOT NULL,
    entity text NOT NULL,
    entity_id text NOT NULL,
    deleted boolean DEFAULT false NOT NULL,
    changed_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE change IS 'What clients must learn: a row a change, in the order (xid, seq) in which nothing appears late.';

CREATE TABLE change_horizon (
    one boolean DEFAULT true NOT NULL,
    xid xid8 NOT NULL,
    CONSTRAINT change_horizon_one_check CHECK (one)
);

COMMENT ON TABLE change_horizon IS 'Changes before this transaction were pruned: a client whose cursor is older starts over.';

ALTER TABLE change ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME change_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE clock_seen (
    one boolean DEFAULT true NOT NULL,
    trusted_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    doubted_since timestamp with time zone,
    CONSTRAINT clock_seen_one_check CHECK (one)
);

COMMENT ON TABLE clock_seen IS 'The time as the last rounds of housekeeping saw it; since when a jump is doubted.';

CREATE TABLE consent (
    id uuid NOT NULL,
    person_id uuid NOT NULL,
    kind text NOT NULL,
    text_version text NOT NULL,
    channel text NOT NULL,
    given_at timestamp with time zone NOT NULL,
    withdrawn_at timestamp with time zone,
    CONSTRAINT consent_channel_check CHECK ((channel = ANY (ARRAY['paper'::text, 'app'::text]))),
    CONSTRAINT consent_check CHECK ((withdrawn_at >= given_at)),
    CONSTRAINT consent_kind_check CHECK ((kind = ANY (ARRAY['processing'::text, 'profcards'::text, 'mailings'::text, 'photo'::text]))),
    CONSTRAINT consent_text_version_check CHECK (((length(text_version) >= 1) AND (length(text_version) <= 40)))
);

COMMENT ON TABLE consent IS 'One consent document: its kind, the version of its text, when it was given and withdrawn. Given again, it is a new row.';

CREATE VIEW database_history AS
 SELECT ((pg_control_system.system_identifier || '-'::text) || "left"(pg_walfile_name(pg_current_wal_lsn()), 8)) AS history
   FROM pg_control_system() pg_control_system(pg_control_version, catalog_version_no, system_identifier, pg_control_last_modified);

COMMENT ON VIEW database_history IS 'Which history of which database this is: differs after a promotion, a recovery to a point in time, and in another database.';

CREATE VIEW database_identity AS
 SELECT ((pg_control_system.system_identifier || '-'::text) || ( SELECT pg_database.oid
           FROM pg_database
          WHERE (pg_database.datname = current_database()))) AS identity
   FROM pg_control_system() pg_control_system(pg_control_version, catalog_version_no, system_identifier, pg_control_last_modified);

COMMENT ON VIEW database_identity IS 'What names this database among all: its cluster, and its number there.';

CREATE TABLE demo_union (
    one boolean DEFAULT true NOT NULL,
    loaded_at timestamp with time zone NOT NULL,
    sample_membership_id uuid NOT NULL,
    CONSTRAINT demo_union_one_check CHECK (one)
);

COMMENT ON TABLE demo_union IS 'That this database holds the demo union, and whose card its samples are made of.';

CREATE TABLE device (
    id uuid NOT NULL,
    membership_id uuid NOT NULL,
    cose_key bytea NOT NULL,
    enrolled_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    ended_reason text,
    redeems_from timestamp with time zone,
    move_agreed_until timestamp with time zone,
    CONSTRAINT device_check CHECK (((ended_at IS NULL) = (ended_reason IS NULL))),
    CONSTRAINT device_cose_key_check CHECK (((length(cose_key) >= 30) AND (length(cose_key) <= 100))),
    CONSTRAINT device_ended_reason_check CHECK ((ended_reason = ANY (ARRAY['replaced'::text, 'signed-out'::text, 'lost'::text, 'left'::text, 'error'::text])))
);

COMMENT ON TABLE device IS 'A member''s phone by its public key; one a membership is active. `redeems_from`: when it may pay from the balance; `move_agreed_until`: until when it agrees to be replaced by another, which then need not wait.';

CREATE TABLE engagement (
    id uuid NOT NULL,
    person_id uuid NOT NULL,
    category smallint NOT NULL,
    "position" text,
    valid_from date NOT NULL,
    valid_to date,
    CONSTRAINT engagement_category_check CHECK (((category >= 1) AND (category <= 3))),
    CONSTRAINT engagement_check CHECK ((valid_to > valid_from)),
    CONSTRAINT engagement_position_check CHECK (((length("position") >= 1) AND (length("position") <= 200)))
);

COMMENT ON TABLE engagement IS 'What the person is, by date: 1 working, 2 student, 3 non-working pensioner. Exactly one row a person is open.';

CREATE TABLE enrolment_challenge (
    challenge bytea NOT NULL,
    activation_id uuid NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    device_id uuid,
    CONSTRAINT enrolment_challenge_challenge_check CHECK ((length(challenge) = 32))
);

COMMENT ON TABLE enrolment_challenge IS 'What a phone signs to prove that it holds its key.';

CREATE TABLE idempotency (
    principal text NOT NULL,
    id uuid NOT NULL,
    payload_hash bytea NOT NULL,
    answer jsonb,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT idempotency_payload_hash_check CHECK ((length(payload_hash) = 32))
);

COMMENT ON TABLE idempotency IS 'What was answered to a request or mutation, under the key of its principal: asked again, it is answered the same. The payload''s hash refuses another request under the same key.';

CREATE TABLE instance_database (
    is_only boolean DEFAULT true NOT NULL,
    identity text NOT NULL,
    CONSTRAINT instance_database_is_only_check CHECK (is_only)
);

COMMENT ON TABLE instance_database IS 'Which database this is: a server refuses another one, in which a dump was loaded, until it was prepared.';

CREATE TABLE instance_secret (
    is_only boolean DEFAULT true NOT NULL,
    check_mac bytea NOT NULL,
    CONSTRAINT instance_secret_check_mac_check CHECK ((length(check_mac) = 32)),
    CONSTRAINT instance_secret_is_only_check CHECK (is_only)
);

COMMENT ON TABLE instance_secret IS 'A MAC of the data folder''s secret, so that a server with another secret does not start on this database.';

CREATE TABLE journal_default (
    seq bigint NOT NULL,
    booked_at timestamp with time zone NOT NULL,
    event_at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    principal text NOT NULL,
    idem uuid NOT NULL,
    shard smallint DEFAULT 0 NOT NULL,
    membership_id uuid NOT NULL,
    partner_id uuid NOT NULL,
    outlet_id uuid NOT NULL,
    terminal_id uuid NOT NULL,
    amount_kopecks bigint NOT NULL,
    accrual_kopecks bigint NOT NULL,
    commission_kopecks bigint NOT NULL,
    redeem_kopecks bigint DEFAULT 0 NOT NULL,
    rule_version integer,
    reverses bigint,
    debt_kopecks bigint DEFAULT 0 NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT journal_accrual_kopecks_check CHECK ((accrual_kopecks >= 0)),
    CONSTRAINT journal_amount_kopecks_check CHECK ((amount_kopecks > 0)),
    CONSTRAINT journal_check CHECK (((accrual_kopecks <= amount_kopecks) AND (redeem_kopecks <= amount_kopecks))),
    CONSTRAINT journal_check1 CHECK (((kind = 'purchase'::text) = (reverses IS NULL))),
    CONSTRAINT journal_commission_kopecks_check CHECK ((commission_kopecks >= 0)),
    CONSTRAINT journal_debt_check CHECK (
CASE kind
    WHEN 'confirm'::text THEN ((debt_kopecks >= 0) AND (debt_kopecks <= accrual_kopecks))
    WHEN 'refund'::text THEN ((debt_kopecks >= (- redeem_kopecks)) AND (debt_kopecks <= 0))
    WHEN 'take-back'::text THEN ((debt_kopecks >= (- redeem_kopecks)) AND (debt_kopecks <= accrual_kopecks))
    ELSE (debt_kopecks = 0)
END),
    CONSTRAINT journal_kind_check CHECK ((kind = ANY (ARRAY['purchase'::text, 'confirm'::text, 'refund'::text, 'take-back'::text]))),
    CONSTRAINT journal_redeem_kopecks_check CHECK ((redeem_kopecks >= 0))
);

COMMENT ON TABLE journal_default IS 'Postings of months whose partition was not made ahead.';

CREATE VIEW journal_leg AS
 SELECT j.seq,
    j.booked_at,
    leg.account,
    leg.owner,
    leg.kopecks
   FROM (journal j
     CROSS JOIN LATERAL ( VALUES ('member:pending'::text,j.membership_id,
                CASE j.kind
                    WHEN 'purchase'::text THEN j.accrual_kopecks
                    WHEN 'take-back'::text THEN (0)::bigint
                    ELSE (- j.accrual_kopecks)
                END), ('member:available'::text,j.membership_id,
                CASE j.kind
                    WHEN 'purchase'::text THEN (- j.redeem_kopecks)
                    WHEN 'confirm'::text THEN (j.accrual_kopecks - j.debt_kopecks)
                    WHEN 'take-back'::text THEN (j.redeem_kopecks - (j.accrual_kopecks - j.debt_kopecks))
                    ELSE (j.redeem_kopecks + j.debt_kopecks)
                END), ('member:debt'::text,j.membership_id,
                CASE j.kind
                    WHEN 'purchase'::text THEN (0)::bigint
                    WHEN 'confirm'::text THEN j.debt_kopecks
                    ELSE (- j.debt_kopecks)
                END), ('partner'::text,j.partner_id,
                CASE j.kind
                    WHEN 'purchase'::text THEN ((j.redeem_kopecks - j.accrual_kopecks) - j.commission_kopecks)
                    WHEN 'confirm'::text THEN (0)::bigint
                    ELSE ((j.accrual_kopecks + j.commission_kopecks) - j.redeem_kopecks)
                END), ('programme:commission'::text,NULL::uuid,
                CASE j.kind
                    WHEN 'purchase'::text THEN j.commission_kopecks
                    WHEN 'confirm'::text THEN (0)::bigint
                    ELSE (- j.commission_kopecks)
                END)) leg(account, owner, kopecks))
  WHERE (leg.kopecks <> 0);

COMMENT ON VIEW journal_leg IS 'The legs of each posting. Positive: the programme owes the account; negative: the account owes the programme.';

ALTER TABLE journal ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME journal_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE UNLOGGED TABLE limit_counter (
    key bytea NOT NULL,
    count integer NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    CONSTRAINT limit_counter_count_check CHECK ((count >= 0)),
    CONSTRAINT limit_counter_key_check CHECK ((length(key) = 16))
)
WITH (fillfactor='70');

COMMENT ON TABLE limit_counter IS 'How many attempts, or new rows of a principal, a running window holds. Keys are hashes. Unlogged: a crash starts the windows over.';

CREATE VIEW living_card AS
 SELECT c.id,
    c.membership_id,
    c.device_id,
    c.class,
    c.purpose,
    c.list_n,
    c.idx,
    c.kid,
    c.cnf,
    c.cose,
    c.issued_at,
    c.expires_at,
    c.superseded_at,
    c.status,
    c.status_at,
    c.status_reason,
    c.place
   FROM card c
  WHERE ((c.purpose = 'member'::text) AND (c.status = 0) AND (c.superseded_at IS NULL) AND (NOT (EXISTS ( SELECT
           FROM card newer
          WHERE ((newer.membership_id = c.membership_id) AND (newer.class = c.class) AND (newer.purpose = 'member'::text) AND (newer.place > c.place))))));

COMMENT ON VIEW living_card IS 'The cards that members hold and that are valid; whether one has expired is a condition of the question.';

CREATE TABLE mandate (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    organisation_id bigint NOT NULL,
    role text NOT NULL,
    term_from date NOT NULL,
    term_to date,
    CONSTRAINT mandate_check CHECK ((term_to > term_from)),
    CONSTRAINT mandate_role_check CHECK ((role = ANY (ARRAY['chair'::text, 'regional'::text])))
);

COMMENT ON TABLE mandate IS 'An account''s role in an organisation and what is below it, for a term.';

CREATE TABLE membership (
    id uuid NOT NULL,
    person_id uuid NOT NULL,
    number text NOT NULL,
    status text NOT NULL,
    joined_on date NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    CONSTRAINT membership_check CHECK ((valid_to > valid_from)),
    CONSTRAINT membership_number_check CHECK ((number ~ '^[0-9]{12}$'::text)),
    CONSTRAINT membership_status_check CHECK ((status = ANY (ARRAY['active'::text, 'suspended'::text, 'left'::text, 'expelled'::text, 'ended'::text])))
);

COMMENT ON TABLE membership IS 'A membership from the decision to admit until it ends; its number never changes. `status` repeats the newest membership_step.';

CREATE SEQUENCE membership_number_seq
    START WITH 48000000001
    INCREMENT BY 1
    MINVALUE 48000000000
    MAXVALUE 99999999999
    CACHE 1;

CREATE TABLE membership_step (
    id bigint NOT NULL,
    membership_id uuid NOT NULL,
    status text NOT NULL,
    taken_at timestamp with time zone NOT NULL,
    taken_by uuid,
    CONSTRAINT membership_step_status_check CHECK ((status = ANY (ARRAY['active'::text, 'suspended'::text, 'left'::text, 'expelled'::text, 'ended'::text])))
);

COMMENT ON TABLE membership_step IS 'The steps of a membership after its admission (suspended, resumed, left, expelled), each with its moment; the newest before a moment is what was true then.';

ALTER TABLE membership_step ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME membership_step_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE notice (
    id uuid NOT NULL,
    membership_id uuid NOT NULL,
    kind text NOT NULL,
    given_at timestamp with time zone NOT NULL,
    given_by text NOT NULL,
    params jsonb DEFAULT '{}'::jsonb NOT NULL,
    read_at timestamp with time zone,
    CONSTRAINT notice_given_by_check CHECK ((given_by = ANY (ARRAY['member'::text, 'chair'::text, 'system'::text]))),
    CONSTRAINT notice_kind_check CHECK ((kind = ANY (ARRAY['phone-enrolled'::text, 'phone-replaced'::text, 'phone-lost'::text, 'signed-out'::text, 'card-changed'::text, 'sheet-printed'::text, 'birth-date-changed'::text, 'cards-revoked'::text, 'membership-suspended'::text, 'membership-resumed'::text, 'membership-ended'::text, 'transferred'::text])))
);

COMMENT ON TABLE notice IS 'What a member is told of the card, the phone and the membership.';

CREATE TABLE number_lookup (
    id uuid NOT NULL,
    terminal_id uuid NOT NULL,
    card_id uuid,
    at timestamp with time zone NOT NULL,
    used_by uuid
);

COMMENT ON TABLE number_lookup IS 'A card that was found at a till by its typed number, for one purchase. The number is not kept.';

CREATE TABLE offer (
    partner_id uuid NOT NULL,
    version integer NOT NULL,
    title text NOT NULL,
    percent_bp integer NOT NULL,
    commission_bp integer NOT NULL,
    min_amount_kopecks bigint DEFAULT 0 NOT NULL,
    cap_per_purchase_kopecks bigint,
    valid_from timestamp with time zone NOT NULL,
    valid_to timestamp with time zone,
    redeem_max_share_bp integer DEFAULT 0 NOT NULL,
    CONSTRAINT offer_cap_per_purchase_kopecks_check CHECK ((cap_per_purchase_kopecks > 0)),
    CONSTRAINT offer_check CHECK ((valid_to > valid_from)),
    CONSTRAINT offer_commission_bp_check CHECK (((commission_bp >= 0) AND (commission_bp <= 10000))),
    CONSTRAINT offer_min_amount_kopecks_check CHECK ((min_amount_kopecks >= 0)),
    CONSTRAINT offer_percent_bp_check CHECK (((percent_bp >= 0) AND (percent_bp <= 10000))),
    CONSTRAINT offer_redeem_max_share_bp_check CHECK (((redeem_max_share_bp >= 0) AND (redeem_max_share_bp <= 10000))),
    CONSTRAINT offer_title_check CHECK (((length(title) >= 1) AND (length(title) <= 200))),
    CONSTRAINT offer_version_check CHECK ((version > 0))
);

COMMENT ON TABLE offer IS 'A version of a partner''s cashback rule. Shares are in hundredths of a percent, sums in kopecks; a purchase follows the version in force at its time.';

CREATE TABLE organisation (
    id bigint NOT NULL,
    parent_id bigint,
    path text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL,
    name text NOT NULL,
    short_name text NOT NULL,
    region_okato smallint,
    valid_from date NOT NULL,
    valid_to date,
    CONSTRAINT organisation_check CHECK ((valid_to > valid_from)),
    CONSTRAINT organisation_check1 CHECK (((parent_id IS NULL) = (kind = 'central'::text))),
    CONSTRAINT organisation_kind_check CHECK ((kind = ANY (ARRAY['central'::text, 'regional'::text, 'territorial'::text, 'primary'::text, 'bureau'::text, 'group'::text]))),
    CONSTRAINT organisation_name_check CHECK (((length(name) >= 2) AND (length(name) <= 300))),
    CONSTRAINT organisation_path_check CHECK ((path ~ '^([0-9]+\.)+$'::text)),
    CONSTRAINT organisation_region_okato_check CHECK (((region_okato >= 1) AND (region_okato <= 99))),
    CONSTRAINT organisation_short_name_check CHECK (((length(short_name) >= 2) AND (length(short_name) <= 120)))
);

COMMENT ON TABLE organisation IS 'A node of the union''s tree: central, regional, territorial or primary organisation, bureau, group. `path` is the ltree of ids from the root; moving it moves the subtree.';

ALTER TABLE organisation ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME organisation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE outlet (
    id uuid NOT NULL,
    partner_id uuid NOT NULL,
    name text NOT NULL,
    address text NOT NULL,
    time_zone text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT outlet_address_check CHECK (((length(address) >= 1) AND (length(address) <= 300))),
    CONSTRAINT outlet_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);

COMMENT ON TABLE outlet IS 'A partner''s shop, with the time zone in which its days begin.';

CREATE TABLE pairing_code (
    code_hash bytea NOT NULL,
    outlet_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    terminal_id uuid
);

COMMENT ON TABLE pairing_code IS 'A code that makes one browser a till, once. Only its keyed hash is kept.';

CREATE TABLE partner (
    id uuid NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT partner_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);

COMMENT ON TABLE partner IS 'A partner of the programme.';

CREATE TABLE partner_key (
    id uuid NOT NULL,
    partner_id uuid NOT NULL,
    name text NOT NULL,
    key_hash bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    CONSTRAINT partner_key_check CHECK ((revoked_at >= created_at)),
    CONSTRAINT partner_key_key_hash_check CHECK ((length(key_hash) = 32)),
    CONSTRAINT partner_key_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100)))
);

COMMENT ON TABLE partner_key IS 'A key by which a partner''s own server uses the vendors'' API. Only its keyed hash is kept.';

CREATE TABLE person (
    id uuid NOT NULL,
    last_name text NOT NULL,
    first_name text NOT NULL,
    middle_name text,
    search_name text NOT NULL COLLATE pg_catalog."C",
    sex text NOT NULL,
    birth_date date NOT NULL,
    phone text,
    email text,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT person_email_check CHECK ((length(email) <= 254)),
    CONSTRAINT person_first_name_check CHECK (((length(first_name) >= 1) AND (length(first_name) <= 100))),
    CONSTRAINT person_last_name_check CHECK (((length(last_name) >= 1) AND (length(last_name) <= 100))),
    CONSTRAINT person_middle_name_check CHECK (((length(middle_name) >= 1) AND (length(middle_name) <= 100))),
    CONSTRAINT person_phone_check CHECK ((phone ~ '^\+7[0-9]{10}$'::text)),
    CONSTRAINT person_sex_check CHECK ((sex = ANY (ARRAY['f'::text, 'm'::text])))
);

COMMENT ON TABLE person IS 'Somebody''s names, birth date and contacts as they are now; apart from any login. Earlier values stand in person_before.';

CREATE TABLE person_before (
    id bigint NOT NULL,
    person_id uuid NOT NULL,
    last_name text NOT NULL,
    first_name text NOT NULL,
    middle_name text,
    sex text NOT NULL,
    birth_date date NOT NULL,
    phone text,
    email text,
    replaced_at timestamp with time zone NOT NULL,
    replaced_by uuid
);

COMMENT ON TABLE person_before IS 'What a person''s data were before a change, one row a change: nothing that was once on record is lost.';

ALTER TABLE person_before ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME person_before_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE proof (
    identity bytea NOT NULL,
    terminal_id uuid,
    idem uuid,
    seen_at timestamp with time zone NOT NULL,
    partner_key_id uuid,
    CONSTRAINT proof_identity_check CHECK ((length(identity) = 32)),
    CONSTRAINT proof_place_check CHECK ((num_nonnulls(terminal_id, idem) =
CASE
    WHEN (partner_key_id IS NULL) THEN 2
    ELSE 0
END))
);

COMMENT ON TABLE proof IS 'The showings that have served, by the SHA-256 of their Sig_structure: each for one purchase of a till, or one question of a partner''s server.';

CREATE TABLE published_list (
    list_n integer NOT NULL,
    revision bigint,
    kid bytea NOT NULL,
    digest bytea NOT NULL,
    signed_at timestamp with time zone NOT NULL,
    cose bytea NOT NULL,
    CONSTRAINT published_list_digest_check CHECK ((length(digest) = 16)),
    CONSTRAINT published_list_kid_check CHECK ((length(kid) = 4))
);

COMMENT ON TABLE published_list IS 'The signed bytes that every instance serves for a status list.';

CREATE TABLE purchase (
    id uuid NOT NULL,
    seq bigint NOT NULL,
    terminal_id uuid NOT NULL,
    idem uuid NOT NULL,
    op_no bigint NOT NULL,
    membership_id uuid NOT NULL,
    partner_id uuid NOT NULL,
    outlet_id uuid NOT NULL,
    card_id uuid NOT NULL,
    amount_kopecks bigint NOT NULL,
    accrual_kopecks bigint NOT NULL,
    rule_version integer,
    state text NOT NULL,
    event_at timestamp with time zone NOT NULL,
    booked_at timestamp with time zone NOT NULL,
    confirm_on date NOT NULL,
    cancelled_at timestamp with time zone,
    redeem_kopecks bigint DEFAULT 0 NOT NULL,
    shown_by text DEFAULT 'token'::text NOT NULL,
    on_trust boolean DEFAULT false NOT NULL,
    CONSTRAINT purchase_check CHECK (((redeem_kopecks >= 0) AND (redeem_kopecks <= amount_kopecks))),
    CONSTRAINT purchase_redeems_by_token CHECK (((redeem_kopecks = 0) OR (shown_by = 'token'::text))),
    CONSTRAINT purchase_shown_by_check CHECK ((shown_by = ANY (ARRAY['token'::text, 'number'::text]))),
    CONSTRAINT purchase_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'held'::text, 'available'::text, 'cancelled'::text])))
);

COMMENT ON TABLE purchase IS 'A purchase as people see it: a projection of the journal with its present state.';

CREATE TABLE purchase_decision (
    purchase_id uuid NOT NULL,
    decision text NOT NULL,
    reason text NOT NULL,
    decided_by text NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    posting_seq bigint,
    CONSTRAINT purchase_decision_check CHECK (((decision = 'take-back'::text) = (posting_seq IS NOT NULL))),
    CONSTRAINT purchase_decision_decision_check CHECK ((decision = ANY (ARRAY['release'::text, 'take-back'::text]))),
    CONSTRAINT purchase_decision_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500)))
);

COMMENT ON TABLE purchase_decision IS 'What a person decided of a held or doubted purchase, and why; each decision is made once.';

CREATE TABLE redemption_challenge (
    digits text NOT NULL,
    asker text NOT NULL,
    operation text NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    reserved_until timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    wrong_answers smallint DEFAULT 0 NOT NULL,
    CONSTRAINT redemption_challenge_digits_check CHECK ((digits ~ '^([0-9]{4}|[0-9]{6})$'::text)),
    CONSTRAINT redemption_challenge_operation_check CHECK (((length(operation) >= 1) AND (length(operation) <= 64)))
);

COMMENT ON TABLE redemption_challenge IS 'The digits under which a till or a partner''s server may take from a balance. A row whose time is over is taken for the next, so there are never more rows than digits.';

CREATE TABLE registration (
    id uuid NOT NULL,
    membership_id uuid NOT NULL,
    organisation_id bigint NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    CONSTRAINT registration_check CHECK ((valid_to > valid_from))
);

COMMENT ON TABLE registration IS 'Учёт: in which organisation a membership is kept, by date. Exactly one row a membership is open.';

CREATE VIEW registered_member AS
 SELECT m.id,
    m.number,
    m.status,
    m.joined_on,
    p.id AS person_id,
    p.last_name,
    p.first_name,
    p.middle_name,
    p.sex,
    p.birth_date,
    p.phone,
    p.email,
    COALESCE(e.category, (1)::smallint) AS category,
    e."position",
    o.id AS organisation_id,
    o.short_name AS organisation_name,
    o.path AS organisation_path
   FROM ((((membership m
     JOIN person p ON ((p.id = m.person_id)))
     JOIN registration r ON (((r.membership_id = m.id) AND (r.valid_to IS NULL))))
     JOIN organisation o ON ((o.id = r.organisation_id)))
     LEFT JOIN engagement e ON (((e.person_id = p.id) AND (e.valid_to IS NULL))));

COMMENT ON VIEW registered_member IS 'A membership with its person, where it is registered and what the person is, all as of now.';

CREATE TABLE reissue_run (
    id uuid NOT NULL,
    scope text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    reached text,
    members bigint DEFAULT 0 NOT NULL,
    cards bigint DEFAULT 0 NOT NULL,
    skipped bigint DEFAULT 0 NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT reissue_run_scope_check CHECK ((length(scope) <= 60))
);

COMMENT ON TABLE reissue_run IS 'Written no more: a bulk re-issue is a row of job.';

CREATE TABLE revoked_key (
    public_key bytea NOT NULL,
    kid bytea NOT NULL,
    role text NOT NULL,
    revoked_at timestamp with time zone NOT NULL,
    reissued_at timestamp with time zone,
    tried_at timestamp with time zone,
    CONSTRAINT revoked_key_kid_check CHECK ((length(kid) = 4)),
    CONSTRAINT revoked_key_public_key_check CHECK ((length(public_key) = 32)),
    CONSTRAINT revoked_key_role_check CHECK ((role = ANY (ARRAY['card'::text, 'status'::text])))
);

COMMENT ON TABLE revoked_key IS 'A key that somebody else may have: nothing that it signed is accepted from then on.';

CREATE TABLE session (
    token_hash bytea NOT NULL,
    face text NOT NULL,
    account_id uuid,
    device_id uuid,
    terminal_id uuid,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT session_check CHECK ((num_nonnulls(account_id, device_id, terminal_id) = 1)),
    CONSTRAINT session_check1 CHECK ((((face = 'staff'::text) = (account_id IS NOT NULL)) AND ((face = 'member'::text) = (device_id IS NOT NULL)) AND ((face = 'till'::text) = (terminal_id IS NOT NULL)))),
    CONSTRAINT session_face_check CHECK ((face = ANY (ARRAY['staff'::text, 'member'::text, 'till'::text])))
);

COMMENT ON TABLE session IS 'A signed-in face of a browser: of an account, a phone or a till. Only the token''s hash is kept.';

CREATE TABLE status_list (
    n integer NOT NULL,
    uri text NOT NULL,
    capacity integer NOT NULL,
    revision bigint DEFAULT 0 NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    place_key bytea,
    ended_at timestamp with time zone,
    CONSTRAINT status_list_capacity_check CHECK ((capacity > 0)),
    CONSTRAINT status_list_n_check CHECK ((n > 0)),
    CONSTRAINT status_list_place_key_check CHECK ((length(place_key) = 32))
);

COMMENT ON TABLE status_list IS 'A public list of cards'' states: its address and size, and a revision that grows with every change of a state on it.';

CREATE TABLE terminal (
    id uuid NOT NULL,
    outlet_id uuid NOT NULL,
    number integer NOT NULL,
    paired_at timestamp with time zone NOT NULL,
    unpaired_at timestamp with time zone,
    client_id uuid,
    op_floor bigint DEFAULT 0 NOT NULL,
    CONSTRAINT terminal_number_check CHECK ((number > 0)),
    CONSTRAINT terminal_op_floor_check CHECK ((op_floor >= 0))
);

COMMENT ON TABLE terminal IS 'A till: the browser that was paired with an outlet. All operation numbers up to `op_floor` count as used.';

CREATE TABLE terminal_op (
    terminal_id uuid NOT NULL,
    op_no bigint NOT NULL,
    idem uuid NOT NULL,
    booked_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT terminal_op_op_no_check CHECK ((op_no > 0))
);

COMMENT ON TABLE terminal_op IS 'The operation numbers that a till has used: one operation, one number, once.';

CREATE TABLE trust_list (
    seq bigint NOT NULL,
    cose bytea NOT NULL,
    installed_at timestamp with time zone NOT NULL,
    CONSTRAINT trust_list_cose_check CHECK ((length(cose) <= 65536)),
    CONSTRAINT trust_list_seq_check CHECK ((seq > 0))
);

COMMENT ON TABLE trust_list IS 'The trust lists as the root signed them, newest last.';

CREATE TABLE vendor_redemption (
    identity bytea NOT NULL,
    partner_key_id uuid NOT NULL,
    operation text NOT NULL,
    membership_id uuid NOT NULL,
    most_kopecks bigint NOT NULL,
    allowed_at timestamp with time zone NOT NULL,
    CONSTRAINT vendor_redemption_identity_check CHECK ((length(identity) = 32)),
    CONSTRAINT vendor_redemption_most_kopecks_check CHECK ((most_kopecks > 0)),
    CONSTRAINT vendor_redemption_operation_check CHECK (((length(operation) >= 1) AND (length(operation) <= 64)))
);

COMMENT ON TABLE vendor_redemption IS 'What a partner''s server was told that a member lets it take. Nothing is reserved by it: settlements are compared with it.';

CREATE TABLE void_place (
    list_n integer NOT NULL,
    idx integer NOT NULL,
    CONSTRAINT void_place_idx_check CHECK ((idx >= 0))
);

COMMENT ON TABLE void_place IS 'Places that cards may bear which this database does not know, since it was restored from a dump: published as revoked, given to no card.';

CREATE TABLE write_probe (
    is_written boolean NOT NULL
)
WITH (vacuum_truncate=off);

COMMENT ON TABLE write_probe IS 'What readiness writes, to learn whether the database still takes a write. Never holds a row.';

ALTER TABLE ONLY journal ATTACH PARTITION journal_default DEFAULT;

ALTER TABLE ONLY account
    ADD CONSTRAINT account_login_key UNIQUE (login);

ALTER TABLE ONLY account
    ADD CONSTRAINT account_pkey PRIMARY KEY (id);

ALTER TABLE ONLY activation_code
    ADD CONSTRAINT activation_code_hash_key UNIQUE (code_hash);

ALTER TABLE ONLY activation_code
    ADD CONSTRAINT activation_code_pkey PRIMARY KEY (id);

ALTER TABLE ONLY audit_entry
    ADD CONSTRAINT audit_entry_pkey PRIMARY KEY (id);

ALTER TABLE ONLY audit_link
    ADD CONSTRAINT audit_link_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY audit_link
    ADD CONSTRAINT audit_link_source_row_id_key UNIQUE (source, row_id);

ALTER TABLE ONLY audit_page
    ADD CONSTRAINT audit_page_pkey PRIMARY KEY (id);

ALTER TABLE ONLY audit_position
    ADD CONSTRAINT audit_position_pkey PRIMARY KEY (source);

ALTER TABLE ONLY audit_read
    ADD CONSTRAINT audit_read_pkey PRIMARY KEY (membership_id, reader, quarter);

ALTER TABLE ONLY balance
    ADD CONSTRAINT balance_pkey PRIMARY KEY (membership_id);

ALTER TABLE ONLY card
    ADD CONSTRAINT card_index_key UNIQUE (list_n, idx);

ALTER TABLE ONLY card
    ADD CONSTRAINT card_pkey PRIMARY KEY (id);

ALTER TABLE ONLY change_horizon
    ADD CONSTRAINT change_horizon_pkey PRIMARY KEY (one);

ALTER TABLE ONLY change
    ADD CONSTRAINT change_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY clock_seen
    ADD CONSTRAINT clock_seen_pkey PRIMARY KEY (one);

ALTER TABLE ONLY consent
    ADD CONSTRAINT consent_pkey PRIMARY KEY (id);

ALTER TABLE ONLY demo_union
    ADD CONSTRAINT demo_union_pkey PRIMARY KEY (one);

ALTER TABLE ONLY device
    ADD CONSTRAINT device_pkey PRIMARY KEY (id);

ALTER TABLE ONLY engagement
    ADD CONSTRAINT engagement_pkey PRIMARY KEY (id);

ALTER TABLE ONLY enrolment_challenge
    ADD CONSTRAINT enrolment_challenge_pkey PRIMARY KEY (challenge);

ALTER TABLE ONLY idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (principal, id);

ALTER TABLE ONLY instance_database
    ADD CONSTRAINT instance_database_pkey PRIMARY KEY (is_only);

ALTER TABLE ONLY instance_secret
    ADD CONSTRAINT instance_secret_pkey PRIMARY KEY (is_only);

ALTER TABLE ONLY job
    ADD CONSTRAINT job_pkey PRIMARY KEY (id);

ALTER TABLE ONLY journal
    ADD CONSTRAINT journal_pkey PRIMARY KEY (seq, booked_at);

ALTER TABLE ONLY journal_default
    ADD CONSTRAINT journal_default_pkey PRIMARY KEY (seq, booked_at);

ALTER TABLE ONLY limit_counter
    ADD CONSTRAINT limit_counter_pkey PRIMARY KEY (key);

ALTER TABLE ONLY mandate
    ADD CONSTRAINT mandate_pkey PRIMARY KEY (id);

ALTER TABLE ONLY membership
    ADD CONSTRAINT membership_number_key UNIQUE (number);

ALTER TABLE ONLY membership
    ADD CONSTRAINT membership_pkey PRIMARY KEY (id);

ALTER TABLE ONLY membership_step
    ADD CONSTRAINT membership_step_pkey PRIMARY KEY (id);

ALTER TABLE ONLY notice
    ADD CONSTRAINT notice_pkey PRIMARY KEY (id);

ALTER TABLE ONLY number_lookup
    ADD CONSTRAINT number_lookup_pkey PRIMARY KEY (id);

ALTER TABLE ONLY offer
    ADD CONSTRAINT offer_pkey PRIMARY KEY (partner_id, version);

ALTER TABLE ONLY organisation
    ADD CONSTRAINT organisation_path_key UNIQUE (path);

ALTER TABLE ONLY organisation
    ADD CONSTRAINT organisation_pkey PRIMARY KEY (id);

ALTER TABLE ONLY outlet
    ADD CONSTRAINT outlet_pkey PRIMARY KEY (id);

ALTER TABLE ONLY pairing_code
    ADD CONSTRAINT pairing_code_pkey PRIMARY KEY (code_hash);

ALTER TABLE ONLY partner_key
    ADD CONSTRAINT partner_key_hash_key UNIQUE (key_hash);

ALTER TABLE ONLY partner_key
    ADD CONSTRAINT partner_key_pkey PRIMARY KEY (id);

ALTER TABLE ONLY partner
    ADD CONSTRAINT partner_pkey PRIMARY KEY (id);

ALTER TABLE ONLY person_before
    ADD CONSTRAINT person_before_pkey PRIMARY KEY (id);

ALTER TABLE ONLY person
    ADD CONSTRAINT person_pkey PRIMARY KEY (id);

ALTER TABLE ONLY proof
    ADD CONSTRAINT proof_pkey PRIMARY KEY (identity);

ALTER TABLE ONLY published_list
    ADD CONSTRAINT published_list_pkey PRIMARY KEY (list_n);

ALTER TABLE ONLY purchase_decision
    ADD CONSTRAINT purchase_decision_pkey PRIMARY KEY (purchase_id, decision);

ALTER TABLE ONLY purchase
    ADD CONSTRAINT purchase_mutation_key UNIQUE (terminal_id, idem);

ALTER TABLE ONLY purchase
    ADD CONSTRAINT purchase_pkey PRIMARY KEY (id);

ALTER TABLE ONLY purchase
    ADD CONSTRAINT purchase_seq_key UNIQUE (seq);

ALTER TABLE ONLY redemption_challenge
    ADD CONSTRAINT redemption_challenge_pkey PRIMARY KEY (digits);

ALTER TABLE ONLY registration
    ADD CONSTRAINT registration_pkey PRIMARY KEY (id);

ALTER TABLE ONLY reissue_run
    ADD CONSTRAINT reissue_run_pkey PRIMARY KEY (id);

ALTER TABLE ONLY revoked_key
    ADD CONSTRAINT revoked_key_pkey PRIMARY KEY (public_key);

ALTER TABLE ONLY session
    ADD CONSTRAINT session_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY status_list
    ADD CONSTRAINT status_list_pkey PRIMARY KEY (n);

ALTER TABLE ONLY status_list
    ADD CONSTRAINT status_list_uri_key UNIQUE (uri);

ALTER TABLE ONLY terminal
    ADD CONSTRAINT terminal_client_key UNIQUE (outlet_id, client_id);

ALTER TABLE ONLY terminal
    ADD CONSTRAINT terminal_number_key UNIQUE (outlet_id, number);

ALTER TABLE ONLY terminal_op
    ADD CONSTRAINT terminal_op_pkey PRIMARY KEY (terminal_id, op_no);

ALTER TABLE ONLY terminal
    ADD CONSTRAINT terminal_pkey PRIMARY KEY (id);

ALTER TABLE ONLY trust_list
    ADD CONSTRAINT trust_list_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY vendor_redemption
    ADD CONSTRAINT vendor_redemption_pkey PRIMARY KEY (identity);

ALTER TABLE ONLY void_place
    ADD CONSTRAINT void_place_pkey PRIMARY KEY (list_n, idx);

CREATE INDEX activation_code_author_idx ON activation_code USING btree (created_by, created_at);

CREATE INDEX activation_code_membership_idx ON activation_code USING btree (membership_id);

CREATE INDEX audit_entry_actor_idx ON audit_entry USING btree (actor, id);

CREATE INDEX audit_entry_members_idx ON audit_entry USING gin (members);

CREATE INDEX audit_entry_order_idx ON audit_entry USING btree (xid, id);

CREATE INDEX audit_page_at_idx ON audit_page USING btree (at);

CREATE INDEX audit_page_members_idx ON audit_page USING gin (members);

CREATE INDEX audit_page_reader_idx ON audit_page USING btree (reader, at);

CREATE INDEX audit_read_quarter_idx ON audit_read USING btree (quarter);

CREATE INDEX audit_read_reader_idx ON audit_read USING btree (reader, quarter);

CREATE INDEX card_marked_idx ON card USING btree (list_n, idx) WHERE (status <> 0);

CREATE INDEX card_order_idx ON card USING btree (membership_id, class, place) WHERE (purpose = 'member'::text);

CREATE INDEX change_age_idx ON change USING btree (changed_at);

CREATE INDEX change_audience_idx ON change USING btree (audience, xid, seq);

CREATE UNIQUE INDEX consent_one_open ON consent USING btree (person_id, kind) WHERE (withdrawn_at IS NULL);

CREATE UNIQUE INDEX device_one_active ON device USING btree (membership_id) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX engagement_one_open ON engagement USING btree (person_id) WHERE (valid_to IS NULL);

CREATE INDEX idempotency_age_idx ON idempotency USING btree (created_at);

CREATE INDEX job_finished_idx ON job USING btree (finished_at) WHERE (state = ANY (ARRAY['done'::text, 'set-aside'::text]));

CREATE INDEX job_next_idx ON job USING btree (run_at) WHERE (state = ANY (ARRAY['waiting'::text, 'running'::text]));

CREATE UNIQUE INDEX job_one_unfinished ON job USING btree (kind, key) WHERE (state <> 'done'::text);

CREATE INDEX journal_membership_idx ON ONLY journal USING btree (membership_id, seq);

CREATE INDEX journal_default_membership_id_seq_idx ON journal_default USING btree (membership_id, seq);

CREATE INDEX journal_partner_idx ON ONLY journal USING btree (partner_id, booked_at);

CREATE INDEX journal_default_partner_id_booked_at_idx ON journal_default USING btree (partner_id, booked_at);

CREATE INDEX journal_order_idx ON ONLY journal USING btree (xid, seq);

CREATE INDEX journal_default_xid_seq_idx ON journal_default USING btree (xid, seq);

CREATE INDEX mandate_account_idx ON mandate USING btree (account_id);

CREATE UNIQUE INDEX membership_one_open ON membership USING btree (person_id) WHERE (valid_to IS NULL);

CREATE INDEX membership_step_idx ON membership_step USING btree (membership_id, taken_at, id);

CREATE INDEX notice_age_idx ON notice USING btree (given_at);

CREATE INDEX notice_membership_idx ON notice USING btree (membership_id, given_at DESC, id);

CREATE INDEX number_lookup_at_idx ON number_lookup USING btree (at);

CREATE INDEX number_lookup_terminal_idx ON number_lookup USING btree (terminal_id, at);

CREATE INDEX organisation_parent_idx ON organisation USING btree (parent_id);

CREATE INDEX organisation_region_idx ON organisation USING btree (path) WHERE (region_okato IS NOT NULL);

CREATE INDEX partner_key_partner_idx ON partner_key USING btree (partner_id);

CREATE INDEX person_before_idx ON person_before USING btree (person_id);

CREATE INDEX person_search_idx ON person USING btree (search_name);

CREATE INDEX proof_age_idx ON proof USING btree (seen_at);

CREATE INDEX purchase_confirm_idx ON purchase USING btree (confirm_on) WHERE (state = 'pending'::text);

CREATE INDEX purchase_held_idx ON purchase USING btree (booked_at) WHERE (state = 'held'::text);

CREATE INDEX purchase_member_idx ON purchase USING btree (membership_id, event_at DESC);

CREATE INDEX purchase_terminal_idx ON purchase USING btree (terminal_id, event_at DESC);

CREATE INDEX purchase_trusted_member_idx ON purchase USING btree (membership_id, booked_at) WHERE on_trust;

CREATE INDEX purchase_trusted_till_idx ON purchase USING btree (terminal_id, booked_at) WHERE on_trust;

CREATE INDEX redemption_challenge_age_idx ON redemption_challenge USING btree (reserved_until);

CREATE INDEX redemption_challenge_asker_idx ON redemption_challenge USING btree (asker, operation, issued_at DESC);

CREATE UNIQUE INDEX registration_one_open ON registration USING btree (membership_id) WHERE (valid_to IS NULL);

CREATE INDEX registration_organisation_idx ON registration USING btree (organisation_id) WHERE (valid_to IS NULL);

CREATE UNIQUE INDEX reissue_run_one_open ON reissue_run USING btree (scope) WHERE (finished_at IS NULL);

CREATE INDEX session_account_idx ON session USING btree (account_id);

CREATE INDEX session_device_idx ON session USING btree (device_id);

CREATE INDEX session_expiry_idx ON session USING btree (expires_at);

CREATE INDEX session_terminal_idx ON session USING btree (terminal_id);

CREATE INDEX terminal_op_age_idx ON terminal_op USING btree (booked_at);

CREATE INDEX vendor_redemption_age_idx ON vendor_redemption USING btree (allowed_at);

ALTER INDEX journal_membership_idx ATTACH PARTITION journal_default_membership_id_seq_idx;

ALTER INDEX journal_partner_idx ATTACH PARTITION journal_default_partner_id_booked_at_idx;

ALTER INDEX journal_pkey ATTACH PARTITION journal_default_pkey;

ALTER INDEX journal_order_idx ATTACH PARTITION journal_default_xid_seq_idx;

ALTER TABLE ONLY account
    ADD CONSTRAINT account_person_id_fkey FOREIGN KEY (person_id) REFERENCES person(id);

ALTER TABLE ONLY activation_code
    ADD CONSTRAINT activation_code_created_by_fkey FOREIGN KEY (created_by) REFERENCES account(id);

ALTER TABLE ONLY activation_code
    ADD CONSTRAINT activation_code_membership_id_fkey FOREIGN KEY (membership_id) REFERENCES membership(id);

ALTER TABLE ONLY audit_entry
    ADD CONSTRAINT audit_entry_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);

ALTER TABLE ONLY audit_page
    ADD CONSTRAINT audit_page_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);

ALTER TABLE ONLY audit_read
    ADD CONSTRAINT audit_read_membership_id_fkey FOREIGN KEY (membership_id) REFERENCES membership(id);

ALTER TABLE ONLY balance
    ADD CONSTRAINT balance_membership_id_fkey FOREIGN KEY (membership_id) REFERENCES membership(id);

ALTER TABLE ONLY card
    ADD CONSTRAINT card_device_id_fkey FOREIGN KEY (device_id) REFERENCES device(id);

ALTER TABLE ONLY card
    ADD CONSTRAINT card_list_n_fkey FOREIGN KEY (list_n) REFERENCES status_list(n);

ALTER TABLE ONLY card
    ADD CONSTRAINT card_membership_id_fkey FOREIGN KEY (membership_id) REFERENCES membership(id);

ALTER TABLE ONLY consent
    ADD CONSTRAINT consent_person_id_fkey FOREIGN KEY (person_id) REFERENCES person(id);

ALTER TABLE ONLY demo_union
    ADD CONSTRAINT demo_union_sample_membership_id_fkey FOREIGN KEY (sample_membership_id) REFERENCES membership(id);

ALTER TABLE ONLY device
    ADD CONSTRAINT device_membership_id_fkey FOREIGN KEY (membership_id) REFERENCES membership(id);

ALTER TABLE ONLY engagement
    ADD CONSTRAINT engagement_person_id_fkey FOREIGN KEY (person_id) REFERENCES person(id);

ALTER TABLE ONLY enrolment_challenge
    ADD CONSTRAINT enrolment_challenge_activation_id_fkey FOREIGN KEY (activation_id) REFERENCES activation_code(id);

ALTER TABLE ONLY enrolment_challenge
    ADD CONSTRAINT enrolment_challenge_device_id_fkey FOREIGN KEY (device_id) REFERENCES device(id);

ALTER TABLE ONLY job
    ADD CONSTRAINT job_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);

ALTER TABLE ONLY mandate
    ADD CONSTRAINT mandate_account_id_fkey FOREIGN KEY (account_id) REFERENCES account(id);

ALTER TABLE ONLY mandate
    ADD CONSTRAINT mandate_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);

ALTER TABLE ONLY membership
    ADD CONSTRAINT membership_person_id_fkey FOREIGN KEY (person_id) REFERENCES person(id);

ALTER TABLE ONLY membership_step
    ADD CONSTRAINT membership_step_membership_id_fkey FOREIGN KEY (membership_id) REFERENCES membership(id);

ALTER TABLE ONLY membership_step
    ADD CONSTRAINT membership_step_taken_by_fkey FOREIGN KEY (taken_by) REFERENCES account(id);

ALTER TABLE ONLY notice
    ADD CONSTRAINT notice_membership_id_fkey FOREIGN KEY (membership_id) REFERENCES membership(id);

ALTER TABLE ONLY number_lookup
    ADD CONSTRAINT number_lookup_card_id_fkey FOREIGN KEY (card_id) REFERENCES card(id);

ALTER TABLE ONLY number_lookup
    ADD CONSTRAINT number_lookup_terminal_id_fkey FOREIGN KEY (terminal_id) REFERENCES terminal(id);

ALTER TABLE ONLY offer
    ADD CONSTRAINT offer_partner_id_fkey FOREIGN KEY (partner_id) REFERENCES partner(id);

ALTER TABLE ONLY organisation
    ADD CONSTRAINT organisation_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES organisation(id);

ALTER TABLE ONLY outlet
    ADD CONSTRAINT outlet_partner_id_fkey FOREIGN KEY (partner_id) REFERENCES partner(id);

ALTER TABLE ONLY pairing_code
    ADD CONSTRAINT pairing_code_outlet_id_fkey FOREIGN KEY (outlet_id) REFERENCES outlet(id);

ALTER TABLE ONLY pairing_code
    ADD CONSTRAINT pairing_code_terminal_id_fkey FOREIGN KEY (terminal_id) REFERENCES terminal(id);

ALTER TABLE ONLY partner_key
    ADD CONSTRAINT partner_key_partner_id_fkey FOREIGN KEY (partner_id) REFERENCES partner(id);

ALTER TABLE ONLY person_before
    ADD CONSTRAINT person_before_person_id_fkey FOREIGN KEY (person_id) REFERENCES person(id);

ALTER TABLE ONLY person_before
    ADD CONSTRAINT person_before_replaced_by_fkey FOREIGN KEY (replaced_by) REFERENCES account(id);

ALTER TABLE ONLY proof
    ADD CONSTRAINT proof_partner_key_id_fkey FOREIGN KEY (partner_key_id) REFERENCES partner_key(id);

ALTER TABLE ONLY proof
    ADD CONSTRAINT proof_terminal_id_fkey FOREIGN KEY (terminal_id) REFERENCES terminal(id);

ALTER TABLE ONLY purchase
    ADD CONSTRAINT purchase_card_id_fkey FOREIGN KEY (card_id) REFERENCES card(id);

ALTER TABLE ONLY purchase_decision
    ADD CONSTRAINT purchase_decision_purchase_id_fkey FOREIGN KEY (purchase_id) REFERENCES purchase(id);

ALTER TABLE ONLY purchase
    ADD CONSTRAINT purchase_membership_id_fkey FOREIGN KEY (membership_id) REFERENCES membership(id);

ALTER TABLE ONLY purchase
    ADD CONSTRAINT purchase_outlet_id_fkey FOREIGN KEY (outlet_id) REFERENCES outlet(id);

ALTER TABLE ONLY purchase
    ADD CONSTRAINT purchase_partner_id_fkey FOREIGN KEY (partner_id) REFERENCES partner(id);

ALTER TABLE ONLY purchase
    ADD CONSTRAINT purchase_terminal_id_fkey FOREIGN KEY (terminal_id) REFERENCES terminal(id);

ALTER TABLE ONLY registration
    ADD CONSTRAINT registration_membership_id_fkey FOREIGN KEY (membership_id) REFERENCES membership(id);

ALTER TABLE ONLY registration
    ADD CONSTRAINT registration_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);

ALTER TABLE ONLY session
    ADD CONSTRAINT session_account_id_fkey FOREIGN KEY (account_id) REFERENCES account(id);

ALTER TABLE ONLY session
    ADD CONSTRAINT session_device_id_fkey FOREIGN KEY (device_id) REFERENCES device(id);

ALTER TABLE ONLY session
    ADD CONSTRAINT session_terminal_id_fkey FOREIGN KEY (terminal_id) REFERENCES terminal(id);

ALTER TABLE ONLY terminal_op
    ADD CONSTRAINT terminal_op_terminal_id_fkey FOREIGN KEY (terminal_id) REFERENCES terminal(id);

ALTER TABLE ONLY terminal
    ADD CONSTRAINT terminal_outlet_id_fkey FOREIGN KEY (outlet_id) REFERENCES outlet(id);

ALTER TABLE ONLY vendor_redemption
    ADD CONSTRAINT vendor_redemption_membership_id_fkey FOREIGN KEY (membership_id) REFERENCES membership(id);

ALTER TABLE ONLY vendor_redemption
    ADD CONSTRAINT vendor_redemption_partner_key_id_fkey FOREIGN KEY (partner_key_id) REFERENCES partner_key(id);

