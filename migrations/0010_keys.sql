-- Which keys are trusted: the signed trust lists, so that several instances publish one, and the keys that are trusted no
-- more. No secret is ever here.

create table trust_list (
    -- As the signed list says it. Verifiers refuse a lower one than they hold, so a row never changes.
    seq           bigint primary key check (seq > 0),
    cose          bytea not null check (length(cose) <= 65536),
    installed_at  timestamptz not null
);

-- A key that somebody else may have. What it signed is refused from this moment on, whatever the trust list in force says.
create table revoked_key (
    public_key  bytea primary key check (length(public_key) = 32),
    kid         bytea not null check (length(kid) = 4),
    role        text not null check (role in ('card', 'status')),
    revoked_at  timestamptz not null,
    -- When no living card that it signed was left.
    reissued_at timestamptz
);
