-- Names are searched without regard to letters that look the same in both scripts (members::names::search_form): «Иванoва»
-- with a Latin «o» is found, and is the same person. Stored names take the form that the server writes from now on.
update person
set search_name = translate(normalize(search_name, nfc), 'abcehkmoptxyë', 'авсенкмортхуе')
where search_name <> translate(normalize(search_name, nfc), 'abcehkmoptxyë', 'авсенкмортхуе');
