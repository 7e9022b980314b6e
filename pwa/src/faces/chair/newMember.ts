/**
 * What a chairperson types about a member, new or known, and what is sent of it. The rules are the
 * server's (src/members): here they only spare a round trip, and a fault has the same code on both sides.
 */
import type { ApiProblem } from '../../api/problem';
import type { MemberDetail, MemberEdit, NewMember } from '../../api/types';
import { parseTypedDate, phoneMask, shortDate } from '../../core/format';

export interface PersonFields {
  lastName: string;
  firstName: string;
  middleName: string;
  sex: '' | 'f' | 'm';
  birthDate: string;
  category: '' | '1' | '2' | '3';
  position: string;
  phone: string;
  email: string;
}

export interface MemberFields extends PersonFields {
  joinedOn: string;
  hasConsent: boolean;
  processingConsentOn: string;
}

export type FieldName = Exclude<keyof MemberFields, 'hasConsent'>;
export type Faults = Partial<Record<FieldName, string>>;

/** In the order of the form. */
export const FIELD_ORDER: readonly FieldName[] = [
  'lastName',
  'firstName',
  'middleName',
  'sex',
  'birthDate',
  'category',
  'position',
  'phone',
  'email',
  'joinedOn',
  'processingConsentOn',
];

/** What the server found wrong with fields of the form; undefined when the refusal is about something else. */
export function faultsOf({ fields }: ApiProblem): Faults | undefined {
  return FIELD_ORDER.some((name) => name in fields) ? fields : undefined;
}

const MIN_AGE_YEARS = 14;
const NAME = /^\p{L}[\p{L}\-' .()]{0,99}$/u;
const EMAIL = /^[^\s@]+@[^\s@.][^\s@]*\.[^\s@.]+$/;
const MAX_POSITION_CHARACTERS = 200;

export function emptyFields(today: string): MemberFields {
  return {
    lastName: '',
    firstName: '',
    middleName: '',
    sex: '',
    birthDate: '',
    category: '',
    position: '',
    phone: '',
    email: '',
    joinedOn: shortDate(today),
    hasConsent: false,
    processingConsentOn: shortDate(today),
  };
}

/** The form of a person who is on the register. */
export function fieldsOf(member: MemberDetail): PersonFields {
  return {
    lastName: member.lastName,
    firstName: member.firstName,
    middleName: member.middleName ?? '',
    sex: member.sex === 'f' ? 'f' : 'm',
    birthDate: shortDate(member.birthDate),
    category: String(member.category) as PersonFields['category'],
    position: member.position ?? '',
    phone: phoneMask(member.phone ?? ''),
    email: member.email ?? '',
  };
}

/** What was typed over what is known: only that. */
export function changesOf(known: PersonFields, typed: PersonFields): Partial<PersonFields> {
  const names = Object.keys(known) as (keyof PersonFields)[];
  return Object.fromEntries(
    names.filter((name) => tidy(typed[name]) !== tidy(known[name])).map((name) => [name, typed[name]]),
  );
}

/** A card says the short name and the category; when they change, it is issued anew. */
export function changesCard(known: PersonFields, typed: PersonFields): boolean {
  const onCard = ({ lastName, firstName, middleName, category }: PersonFields) =>
    [tidy(lastName), tidy(firstName).charAt(0), tidy(middleName).charAt(0), category].join(' ');
  return onCard(known) !== onCard(typed);
}

/** Whether anything was entered that would be missed. */
export function isTouched(fields: MemberFields): boolean {
  const { lastName, firstName, middleName, sex, birthDate, category, position, phone, email } =
    fields;
  return [lastName, firstName, middleName, sex, birthDate, category, position, phone, email].some(
    (text) => text.trim() !== '',
  );
}

const tidy = (typed: string) =>
  typed.replace(/[\u2010-\u2015]/g, '-').replace(/[’‘ʼ`]/g, "'").trim().replace(/\s+/g, ' ');

export type Checked<Body> = { body: Body; faults?: never } | { faults: Faults; body?: never };

/** The request that the fields of a new member make, or what is wrong with them. */
export function checkFields(fields: MemberFields, today: string): Checked<NewMember> {
  const person = readPerson(fields, today);
  const faults = person.faults;
  const body: NewMember = { ...person.body, joinedOn: readDay(fields, 'joinedOn', faults) };
  if (fields.hasConsent) body.processingConsentOn = readDay(fields, 'processingConsentOn', faults);
  if (!faults.joinedOn) {
    if (body.joinedOn > today) faults.joinedOn = 'in-the-future';
    else if (body.birthDate <= today && body.joinedOn < body.birthDate) {
      faults.joinedOn = 'before-birth';
    }
  }
  if ((body.processingConsentOn ?? '') > today) faults.processingConsentOn = 'in-the-future';
  return Object.keys(faults).length > 0 ? { faults } : { body };
}

/** The same of a member whose data are changed. */
export function checkPerson(fields: PersonFields, today: string): Checked<MemberEdit> {
  const { body, faults } = readPerson(fields, today);
  return Object.keys(faults).length > 0 ? { faults } : { body };
}

function readPerson(fields: PersonFields, today: string): { body: MemberEdit; faults: Faults } {
  const faults: Faults = {};
  const body: MemberEdit = {
    lastName: tidy(fields.lastName),
    firstName: tidy(fields.firstName),
    sex: fields.sex,
    birthDate: readDay(fields, 'birthDate', faults),
    category: Number(fields.category),
  };
  const optional = {
    middleName: tidy(fields.middleName),
    phone: fields.phone.trim(),
    email: fields.email.trim(),
    // A pensioner's position is not asked for; what was typed before stays in the draft only.
    position: fields.category === '3' ? '' : tidy(fields.position),
  };
  for (const [name, text] of Object.entries(optional)) {
    if (text !== '') Object.assign(body, { [name]: text });
  }
  Object.assign(faults, nameFaults(body), birthFaults(body, today, faults));
  if (body.sex === '') faults.sex = 'required';
  if (body.category === 0) faults.category = 'required';
  if (optional.phone && !isPhone(optional.phone)) faults.phone = 'phone-invalid';
  if (optional.email && !EMAIL.test(optional.email)) faults.email = 'email-invalid';
  if (optional.position.length > MAX_POSITION_CHARACTERS) faults.position = 'too-long';
  return { body, faults };
}

/** ISO dates compare as texts; one that cannot be read is empty, and its fault is noted. */
function readDay<Name extends FieldName>(fields: Record<Name, string>, name: Name, faults: Faults): string {
  const typed = fields[name];
  const date = parseTypedDate(typed);
  if (!date) faults[name as FieldName] = typed.trim() === '' ? 'required' : 'date-invalid';
  return date ?? '';
}

function nameFaults(body: MemberEdit): Faults {
  const faults: Faults = {};
  for (const name of ['lastName', 'firstName', 'middleName'] as const) {
    const text = body[name];
    if (text === '') faults[name] = 'required';
    else if (text && !NAME.test(text)) faults[name] = 'name-invalid';
  }
  return faults;
}

function birthFaults(body: MemberEdit, today: string, known: Faults): Faults {
  const youngest = `${Number(today.slice(0, 4)) - MIN_AGE_YEARS}${today.slice(4)}`;
  if (known.birthDate) return {};
  if (body.birthDate > today) return { birthDate: 'date-invalid' };
  return body.birthDate > youngest ? { birthDate: 'too-young' } : {};
}

function isPhone(typed: string): boolean {
  const digits = typed.replace(/\D/g, '');
  const isWhole = digits.length === 10 || (digits.length === 11 && /^[78]/.test(digits));
  return isWhole && /^[\d\s()+.-]+$/.test(typed);
}
