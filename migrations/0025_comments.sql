-- What each table and view is for, kept in the database itself, where the words of an older migration may no longer hold; and the end
-- of a table that no release writes or reads any more.

drop table vendor_proof;

comment on table account is
    'A login of staff with its password''s hash; rights are mandates.';
comment on table activation_code is
    'A printed code that enrols one phone, once, with the birth date. Only its keyed hash is kept; `number` is the order of printing.';
comment on table audit_entry is
    'Who did what to whom, when and why: a row an act, in the transaction of its effect. Names fields, never their values. Never changed.';
comment on table audit_link is
    'The chain over audit_entry and journal: each hash covers the link before and one row.';
comment on table audit_page is
    'A page of a list that was shown: how it was asked for, and whom it named.';
comment on table audit_position is
    'Up to which transaction each source is linked to the chain.';
comment on table audit_read is
    'Who was shown a member''s data: a row for a reader, a member and a quarter of an hour.';
comment on table balance is
    'What a member has, derived from the journal: pending, available, held, debt; in kopecks.';
comment on table card is
    'A signed card and its place on the public status lists. Of a member and a class the one with the greatest `place` is held; `status`: 0 valid, 1 revoked, 2 suspended.';
comment on table change is
    'What clients must learn: a row a change, in the order (xid, seq) in which nothing appears late.';
comment on table change_horizon is
    'Changes before this transaction were pruned: a client whose cursor is older starts over.';
comment on table clock_seen is
    'The time as the last rounds of housekeeping saw it; since when a jump is doubted.';
comment on table consent is
    'One consent document: its kind, the version of its text, when it was given and withdrawn. Given again, it is a new row.';
comment on table demo_union is
    'That this database holds the demo union, and whose card its samples are made of.';
comment on table device is
    'A member''s phone by its public key; one a membership is active. `redeems_from`: when it may pay from the balance; `move_agreed_until`: until when it agrees to be replaced by another, which then need not wait.';
comment on table engagement is
    'What the person is, by date: 1 working, 2 student, 3 non-working pensioner. Exactly one row a person is open.';
comment on table enrolment_challenge is
    'What a phone signs to prove that it holds its key.';
comment on table idempotency is
    'What was answered to a request or mutation, under the key of its principal: asked again, it is answered the same. The payload''s hash refuses another request under the same key.';
comment on table instance_secret is
    'A MAC of the data folder''s secret, so that a server with another secret does not start on this database.';
comment on table journal is
    'The books: a row is one whole posting, and journal_leg unfolds it into legs that sum to zero. Never changed. Partitioned by the month of `booked_at` in Moscow.';
comment on table journal_default is
    'Postings of months whose partition was not made ahead.';
comment on table limit_counter is
    'How many attempts, or new rows of a principal, a running window holds. Keys are hashes. Unlogged: a crash starts the windows over.';
comment on table mandate is
    'An account''s role in an organisation and what is below it, for a term.';
comment on table membership is
    'A membership from the decision to admit until it ends; its number never changes. `status` repeats the newest membership_step.';
comment on table membership_step is
    'The steps of a membership after its admission (suspended, resumed, left, expelled), each with its moment; the newest before a moment is what was true then.';
comment on table notice is
    'What a member is told of the card, the phone and the membership.';
comment on table number_lookup is
    'A card that was found at a till by its typed number, for one purchase. The number is not kept.';
comment on table offer is
    'A version of a partner''s cashback rule. Shares are in hundredths of a percent, sums in kopecks; a purchase follows the version in force at its time.';
comment on table organisation is
    'A node of the union''s tree: central, regional, territorial or primary organisation, bureau, group. `path` is the ltree of ids from the root; moving it moves the subtree.';
comment on table outlet is
    'A partner''s shop, with the time zone in which its days begin.';
comment on table pairing_code is
    'A code that makes one browser a till, once. Only its keyed hash is kept.';
comment on table partner is
    'A partner of the programme.';
comment on table partner_key is
    'A key by which a partner''s own server uses the vendors'' API. Only its keyed hash is kept.';
comment on table person is
    'Somebody''s names, birth date and contacts as they are now; apart from any login. Earlier values stand in person_before.';
comment on table person_before is
    'What a person''s data were before a change, one row a change: nothing that was once on record is lost.';
comment on table proof is
    'The showings that have served, by the SHA-256 of their Sig_structure: each for one purchase of a till, or one question of a partner''s server.';
comment on table published_list is
    'The signed bytes that every instance serves for a status list.';
comment on table purchase is
    'A purchase as people see it: a projection of the journal with its present state.';
comment on table purchase_decision is
    'What a person decided of a held or doubted purchase, and why; each decision is made once.';
comment on table redemption_challenge is
    'The digits under which a till or a partner''s server may take from a balance. A row whose time is over is taken for the next, so there are never more rows than digits.';
comment on table registration is
    'Учёт: in which organisation a membership is kept, by date. Exactly one row a membership is open.';
comment on table revoked_key is
    'A key that somebody else may have: nothing that it signed is accepted from then on.';
comment on table session is
    'A signed-in face of a browser: of an account, a phone or a till. Only the token''s hash is kept.';
comment on table status_list is
    'A public list of cards'' states: its address and size, and a revision that grows with every change of a state on it.';
comment on table terminal is
    'A till: the browser that was paired with an outlet. All operation numbers up to `op_floor` count as used.';
comment on table terminal_op is
    'The operation numbers that a till has used: one operation, one number, once.';
comment on table trust_list is
    'The trust lists as the root signed them, newest last.';
comment on table vendor_redemption is
    'What a partner''s server was told that a member lets it take. Nothing is reserved by it: settlements are compared with it.';
comment on table void_place is
    'Places that cards may bear which this database does not know, since it was restored from a dump: published as revoked, given to no card.';
comment on table write_probe is
    'What readiness writes, to learn whether the database still takes a write. Never holds a row.';

comment on view audit_material is
    'What a link''s hash covers of its row, as text that is the same wherever it is written.';
comment on view database_history is
    'Which history of which database this is: differs after a promotion, a recovery to a point in time, and in another database.';
comment on view journal_leg is
    'The legs of each posting. Positive: the programme owes the account; negative: the account owes the programme.';
comment on view living_card is
    'The cards that members hold and that are valid; whether one has expired is a condition of the question.';
comment on view registered_member is
    'A membership with its person, where it is registered and what the person is, all as of now.';

comment on column card.superseded_at is 'Set on cards from before places were numbered (place 0); never written since.';
comment on column journal.shard is 'A shard of members; one until members are spread over several.';
