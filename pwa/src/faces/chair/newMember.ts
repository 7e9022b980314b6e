/**
 * What a chairperson types about a new member, and what is sent of it. The rules are the server's
 * (src/members): here they only spare a round trip, and a fault has the same code on both sides.
 */
import type { NewMember } from '../../api/types';
import { parseTypedDate, shortDate } from '../../core/format';

export interface MemberFields {
  lastName: string;
  firstName: string;
  middleName: string;
  sex: '' | 'f' | 'm';
  birthDate: string;
  category: '' | '1' | '2' | '3';
  position: string;
  phone: string;
  email: string;
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

export type Checked = { body: NewMember; faults?: never } | { faults: Faults; body?: never };

/** The request that the fields make, or what is wrong with them; ISO dates compare as texts. */
export function checkFields(fields: MemberFields, today: string): Checked {
  const faults: Faults = {};
  const day = (name: FieldName, typed: string): string => {
    const date = parseTypedDate(typed);
    if (!date) faults[name] = typed.trim() === '' ? 'required' : 'date-invalid';
    return date ?? '';
  };
  const body: NewMember = {
    lastName: tidy(fields.lastName),
    firstName: tidy(fields.firstName),
    sex: fields.sex,
    birthDate: day('birthDate', fields.birthDate),
    category: Number(fields.category),
    joinedOn: day('joinedOn', fields.joinedOn),
  };
  const optional = {
    middleName: tidy(fields.middleName),
    phone: fields.phone.trim(),
    email: fields.email.trim(),
    // A pensioner's position is not asked for; what was typed before stays in the draft only.
    position: fields.category === '3' ? '' : tidy(fields.position),
    processingConsentOn: fields.hasConsent
      ? day('processingConsentOn', fields.processingConsentOn)
      : '',
  };
  for (const [name, text] of Object.entries(optional)) {
    if (text !== '') Object.assign(body, { [name]: text });
  }
  Object.assign(faults, nameFaults(body), dateFaults(body, today, faults));
  if (body.sex === '') faults.sex = 'required';
  if (body.category === 0) faults.category = 'required';
  if (optional.phone && !isPhone(optional.phone)) faults.phone = 'phone-invalid';
  if (optional.email && !EMAIL.test(optional.email)) faults.email = 'email-invalid';
  if (optional.position.length > MAX_POSITION_CHARACTERS) faults.position = 'too-long';
  return Object.keys(faults).length > 0 ? { faults } : { body };
}

function nameFaults(body: NewMember): Faults {
  const faults: Faults = {};
  for (const name of ['lastName', 'firstName', 'middleName'] as const) {
    const text = body[name];
    if (text === '') faults[name] = 'required';
    else if (text && !NAME.test(text)) faults[name] = 'name-invalid';
  }
  return faults;
}

function dateFaults(body: NewMember, today: string, known: Faults): Faults {
  const faults: Faults = {};
  const youngest = `${Number(today.slice(0, 4)) - MIN_AGE_YEARS}${today.slice(4)}`;
  if (!known.birthDate) {
    if (body.birthDate > today) faults.birthDate = 'date-invalid';
    else if (body.birthDate > youngest) faults.birthDate = 'too-young';
  }
  if (!known.joinedOn) {
    if (body.joinedOn > today) faults.joinedOn = 'in-the-future';
    else if (body.birthDate <= today && body.joinedOn < body.birthDate) {
      faults.joinedOn = 'before-birth';
    }
  }
  if ((body.processingConsentOn ?? '') > today) faults.processingConsentOn = 'in-the-future';
  return faults;
}

function isPhone(typed: string): boolean {
  const digits = typed.replace(/\D/g, '');
  const isWhole = digits.length === 10 || (digits.length === 11 && /^[78]/.test(digits));
  return isWhole && /^[\d\s()+.-]+$/.test(typed);
}
