/** What the register's codes are called before a person. */
import type { ActCode, FieldCode, FieldFault, HiddenFieldCode } from '../../api/codes';
import { problemText } from '../../api/messages';
import type { ApiProblem } from '../../api/problem';
import type {
  CardState,
  Category,
  ConsentChannel,
  ConsentKind,
  Counted,
  MandateRole,
  MemberCard,
  MembershipStatus,
  MemberSummary,
  OrganisationKind,
  PeopleFilter,
  RevocationReason,
  Sex,
} from '../../api/types';
import { count } from '../../core/format';
import { dateFaultWord } from '../../core/typedDate';
import { m } from '../../messages/generated/messages.js';
import type { FieldName } from './form/newMember';
import type { View } from './path';
import { CHOSEN_AT_MOST } from './staffApi';

type Word = () => string;
type Tone = 'neutral' | 'positive' | 'warning' | 'danger';

/** The words for a code; none for a code that only a newer server knows. */
function known(words: Partial<Record<string, Word>>, code: string | undefined): Word | undefined {
  return words[code ?? ''];
}

/** A word for each code; one that is missing does not compile. */
function wordOf<Code extends string | number>(words: Record<NoInfer<Code>, Word>, code: Code): string {
  // A code that a newer server knows is shown as it is, rather than nothing.
  return (words as Partial<typeof words>)[code]?.() ?? String(code);
}

type CountedMessage = (input: { n: number; figure: string }) => string;

/** A message with a number in it: the form of its noun, and the figure with its groups apart. */
export function counted(message: CountedMessage, n: number): string {
  return message({ n, figure: count(n) });
}

/** The words for the number found; where counting stopped, they say that there are more. */
export function foundWord({ value, isLimit }: Counted): string {
  return isLimit ? m.chair_people_found_more({ figure: count(value) }) : counted(m.chair_people_found, value);
}

export function fullName(person: Pick<MemberSummary, 'lastName' | 'firstName' | 'middleName'>): string {
  return [person.lastName, person.firstName, person.middleName].filter(Boolean).join(' ');
}

export const categoryWord = (category: Category) =>
  wordOf({ 1: m.chair_field_category_1, 2: m.chair_field_category_2, 3: m.chair_field_category_3 }, category);

/** The same where there is little room. */
export const categoryShortWord = (category: Category) =>
  wordOf(
    {
      1: m.chair_field_category_short_1,
      2: m.chair_field_category_short_2,
      3: m.chair_field_category_short_3,
    },
    category,
  );

export const kindWord = (kind: OrganisationKind) =>
  wordOf(
    {
      central: m.chair_kind_central,
      regional: m.chair_kind_regional,
      territorial: m.chair_kind_territorial,
      primary: m.chair_kind_primary,
      bureau: m.chair_kind_bureau,
      group: m.chair_kind_group,
    },
    kind,
  );

export const roleWord = (role: MandateRole) =>
  wordOf({ chair: m.chair_role_chair, regional: m.chair_role_regional }, role);

export const filterWord = (filter: PeopleFilter) =>
  wordOf(
    {
      all: m.chair_filter_all,
      working: m.chair_filter_working,
      students: m.chair_filter_students,
      pensioners: m.chair_filter_pensioners,
      'no-phone-card': m.chair_filter_no_phone_card,
      'no-consent': m.chair_filter_no_consent,
      suspended: m.chair_filter_suspended,
      ended: m.chair_filter_ended,
    },
    filter,
  );

/** The words for a list in which nobody is: a filter says what that means, a search how to find. */
export function nobodyWord({ query, filter = 'all' }: View): { title: string; text: string } {
  if (query || filter === 'all') return { title: m.chair_people_nobody(), text: m.chair_people_nobody_text() };
  const title = wordOf(
    {
      working: m.chair_people_none_working,
      students: m.chair_people_none_students,
      pensioners: m.chair_people_none_pensioners,
      'no-phone-card': m.chair_people_none_no_phone_card,
      'no-consent': m.chair_people_none_no_consent,
      suspended: m.chair_people_none_suspended,
      ended: m.chair_people_none_ended,
    },
    filter,
  );
  return { title, text: m.chair_people_none_text() };
}

export const statusWord = (status: MembershipStatus, sex: Sex) =>
  wordOf(
    {
      active: m.chair_status_active,
      suspended: m.chair_status_suspended,
      left: () => m.chair_status_left({ sex }),
      expelled: () => m.chair_status_expelled({ sex }),
      ended: m.chair_status_ended,
    },
    status,
  );

/** The status in a list's row, where the list itself says whose it is. */
export const statusMark = (status: Exclude<MembershipStatus, 'active'>) =>
  wordOf(
    {
      suspended: m.chair_row_suspended,
      left: m.chair_row_left,
      expelled: m.chair_row_expelled,
      ended: m.chair_row_ended,
    },
    status,
  );

export const consentWord = (kind: ConsentKind) =>
  wordOf(
    {
      processing: m.chair_consent_processing,
      profcards: m.chair_consent_profcards,
      mailings: m.chair_consent_mailings,
      photo: m.chair_consent_photo,
    },
    kind,
  );

export const channelWord = (channel: ConsentChannel) =>
  wordOf({ paper: m.chair_channel_paper, app: m.chair_channel_app }, channel);

/** The word for where a person's card is, in a column of that name. */
export const cardPlaceWord = (card: MemberSummary['card']) =>
  wordOf(
    {
      phone: m.chair_people_column_card_phone,
      paper: m.chair_people_column_card_paper,
      none: m.chair_people_column_card_none,
    },
    card,
  );

export const cardClassWord = (card: Pick<MemberCard, 'class'>) =>
  wordOf({ phone: m.chair_card_class_phone, paper: m.chair_card_class_paper }, card.class);

const cardStates: Record<CardState, { word: Word; tone: Tone }> = {
  valid: { word: m.chair_card_valid, tone: 'positive' },
  revoked: { word: m.chair_card_revoked, tone: 'danger' },
  suspended: { word: m.chair_card_suspended, tone: 'warning' },
  expired: { word: m.chair_card_expired, tone: 'warning' },
  superseded: { word: m.chair_card_superseded, tone: 'neutral' },
};

export function cardState(state: CardState): { word: string; tone: Tone } {
  const shown = (cardStates as Partial<typeof cardStates>)[state];
  return { word: shown?.word() ?? state, tone: shown?.tone ?? 'neutral' };
}

export const reasonWord = (reason: RevocationReason) =>
  wordOf({ lost: m.chair_revoke_lost, left: m.chair_revoke_left, error: m.chair_revoke_error }, reason);

export const reasonText = (reason: RevocationReason) =>
  wordOf(
    {
      lost: m.chair_revoke_lost_text,
      left: m.chair_revoke_left_text,
      error: m.chair_revoke_error_text,
    },
    reason,
  );

export const fieldWord = (field: FieldName) =>
  wordOf(
    {
      lastName: m.chair_field_last_name,
      firstName: m.chair_field_first_name,
      middleName: m.chair_field_middle_name,
      sex: m.chair_field_sex,
      birthDate: m.chair_field_birth_date,
      category: m.chair_field_category,
      position: m.chair_field_position,
      phone: m.chair_field_phone,
      email: m.chair_field_email,
      joinedOn: m.chair_field_joined_on,
      processingConsentOn: m.chair_consent_on,
    },
    field,
  );

type OrganisationFault = 'keeps-no-members' | 'already-there';
type OrderFault = 'not-active' | 'too-many' | 'repeated';

const faults = {
  required: m.chair_fault_required,
  'name-invalid': m.chair_fault_name_invalid,
  'name-mixed': m.chair_fault_name_mixed,
  'too-young': m.chair_fault_too_young,
  'too-young-when-joined': m.chair_fault_too_young_when_joined,
  'phone-invalid': m.chair_fault_phone_invalid,
  'phone-foreign': m.chair_fault_phone_foreign,
  'email-invalid': m.chair_fault_email_invalid,
  'in-the-future': m.chair_fault_in_the_future,
  'before-birth': m.chair_fault_before_birth,
  'too-early': m.chair_fault_too_early,
  'too-long': m.chair_fault_too_long,
} satisfies Record<Exclude<FieldCode, OrganisationFault | OrderFault | HiddenFieldCode | 'date-invalid'>, Word>;

/** What is wrong with a field, and so what to do. `typed`: what stands in it. */
export function faultWord(field: FieldName, code: FieldFault | undefined, typed: string): string {
  if (code === 'date-invalid') return dateFaultWord(typed);
  if (code === 'required' && (field === 'sex' || field === 'category')) return m.chair_fault_choose();
  return (known(faults, code) ?? m.chair_fault_other)();
}

const organisationFaults = {
  'keeps-no-members': m.chair_problem_keeps_no_members,
  'already-there': m.chair_problem_already_there,
} satisfies Record<OrganisationFault, Word>;

const actProblems = {
  'already-a-member': m.chair_problem_twin,
  'status-conflict': m.chair_problem_status_conflict,
  'no-phone': m.chair_problem_no_phone,
  'too-many-sheets': m.chair_problem_too_many_sheets,
  'membership-not-active': m.chair_problem_status_conflict,
  'not-found': m.chair_problem_not_found,
} satisfies Record<ActCode | 'membership-not-active' | 'not-found', Word>;

/** Why an act on a membership was refused; this face knows better words for some codes than the common ones. */
export function actProblemText(problem: ApiProblem): string {
  const { code, fields } = problem;
  const word = known(organisationFaults, fields.organisationId) ?? known(actProblems, code);
  return word?.() ?? problemText(problem);
}

const orderProblems = {
  'not-found': m.chair_paper_gone,
  'card-revoked': m.chair_paper_revoked,
  'not-active': m.chair_paper_not_active,
  required: m.chair_paper_nobody_text,
  'too-many': () => m.chair_paper_too_many({ most: CHOSEN_AT_MOST }),
  repeated: m.chair_paper_repeated,
} satisfies Record<OrderFault | 'required' | 'not-found' | 'card-revoked', Word>;

/** Why paper cards were not given out for the people who were chosen. */
export function orderProblemText(problem: ApiProblem): string {
  return known(orderProblems, problem.fields.memberIds ?? problem.code)?.() ?? problemText(problem);
}
