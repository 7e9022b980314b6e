/**
 * What a chairperson types about a member, new or known, and what is sent of it. The rules are the
 * server's (src/registry/members): here they only spare a round trip, and a fault has the same code on both sides.
 */
import type { FieldCode } from '../../../api/codes';
import type { FieldFaults } from '../../../api/act.svelte';
import type { ApiProblem } from '../../../api/problem';
import type { Category, MemberDetail, MemberEdit, NewMember, Sex } from '../../../api/types';
import { shortDate } from '../../../core/format';
import { parseTypedDate } from '../../../core/typedDate';
import { readEmail, readMiddleName, readName, readPhone, shownPhone, tidy, type Reading } from '../../../core/texts';

export interface PersonFields {
  lastName: string;
  firstName: string;
  middleName: string;
  sex: '' | Sex;
  birthDate: string;
  category: '' | `${Category}`;
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
export type Faults = FieldFaults<FieldName>;

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
const MAX_POSITION_CHARACTERS = 200;
/** The day of the law that consents are given by (152-ФЗ). */
const OLDEST_CONSENT = '2006-07-27';

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
    sex: member.sex,
    birthDate: shortDate(member.birthDate),
    category: `${member.category}`,
    position: member.position ?? '',
    phone: shownPhone(member.phone ?? ''),
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
    [tidy(lastName), tidy(firstName).charAt(0), readMiddleName(middleName).kept?.charAt(0), category].join(' ');
  return onCard(known) !== onCard(typed);
}

/** Whether anything was entered that would be missed. */
export function isTouched(fields: MemberFields): boolean {
  const { lastName, firstName, middleName, sex, birthDate, category, position, phone, email } = fields;
  return [lastName, firstName, middleName, sex, birthDate, category, position, phone, email].some(
    (text) => text.trim() !== '',
  );
}

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
  const areDaysRead = !faults.birthDate && !faults.joinedOn;
  if (areDaysRead && isTooYoung(body.birthDate, body.joinedOn)) faults.birthDate = 'too-young-when-joined';
  if (body.processingConsentOn && !faults.processingConsentOn) {
    const code = consentFault(body.processingConsentOn, body.birthDate, today);
    if (code) faults.processingConsentOn = code;
  }
  return Object.keys(faults).length > 0 ? { faults } : { body };
}

/** Why a consent to processing cannot have been signed on this day by somebody of this birth date. */
export function consentFault(day: string, birthDate: string, today: string): FieldCode | undefined {
  if (day > today) return 'in-the-future';
  if (day < birthDate) return 'before-birth';
  return day < OLDEST_CONSENT ? 'too-early' : undefined;
}

/** The request that the changed data of a member make, or what is wrong with them. */
export function checkPerson(fields: PersonFields, today: string): Checked<MemberEdit> {
  const { body, faults } = readPerson(fields, today);
  return Object.keys(faults).length > 0 ? { faults } : { body };
}

function readPerson(fields: PersonFields, today: string): { body: MemberEdit; faults: Faults } {
  const faults: Faults = {};
  // What was not chosen is at fault, and then nothing of this is sent.
  const body: MemberEdit = {
    lastName: '',
    firstName: '',
    sex: fields.sex as Sex,
    birthDate: readDay(fields, 'birthDate', faults),
    category: Number(fields.category) as Category,
  };
  for (const [name, read] of Object.entries(READERS) as [keyof typeof READERS, (typed: string) => Reading][]) {
    if (tidy(fields[name]) === '' && name !== 'lastName' && name !== 'firstName') continue;
    const { kept, fault } = read(fields[name]);
    if (fault !== undefined) faults[name] = fault;
    else if (kept !== '') body[name] = kept;
  }
  // A pensioner's position is not asked for; what was typed before stays in the draft only.
  const position = fields.category === '3' ? '' : tidy(fields.position);
  if (position !== '') body.position = position;
  if ([...position].length > MAX_POSITION_CHARACTERS) faults.position = 'too-long';
  Object.assign(faults, birthFaults(body, today, faults));
  if (fields.sex === '') faults.sex = 'required';
  if (fields.category === '') faults.category = 'required';
  return { body, faults };
}

const READERS = {
  lastName: readName,
  firstName: readName,
  middleName: readMiddleName,
  phone: readPhone,
  email: readEmail,
};

/** ISO dates compare as texts; one that cannot be read is empty, and its fault is noted. */
function readDay<Name extends FieldName>(fields: Record<Name, string>, name: Name, faults: Faults): string {
  const typed = fields[name];
  const date = parseTypedDate(typed);
  if (!date) faults[name] = typed.trim() === '' ? 'required' : 'date-invalid';
  return date ?? '';
}

function birthFaults(body: MemberEdit, today: string, known: Faults): Faults {
  if (known.birthDate) return {};
  if (body.birthDate > today) return { birthDate: 'date-invalid' };
  return isTooYoung(body.birthDate, today) ? { birthDate: 'too-young' } : {};
}

const isTooYoung = (birthDate: string, on: string) =>
  birthDate > `${Number(on.slice(0, 4)) - MIN_AGE_YEARS}${on.slice(4)}`;

/**
 * Whether the person may be entered although nobody said so. Only an answer that judged the request ends that; a network's
 * sign-in page never had it.
 */
export function isAnswerLostAfter({ code, status }: Pick<ApiProblem, 'code' | 'status'>, wasLost: boolean): boolean {
  const isJudged = status >= 400 && status < 500 && ![401, 408, 429].includes(status);
  if (isJudged) return false;
  return wasLost || status >= 500 || (status === 0 && code !== 'portal');
}
