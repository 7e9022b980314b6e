-- Whether this instance holds the demo union, and whose card samples are made of. Empty where real people are kept.
create table demo_union (
    one                   boolean primary key default true check (one),
    loaded_at             timestamptz not null,
    sample_membership_id  uuid not null references membership
);
