/**
 * A form half filled in, kept on this device at every keystroke. The draft of a new person carries the
 * key of its one effect: however often it is sent, after a lost answer or a restart, it enters one person.
 */
import { emptyFields, isTouched, type MemberFields, type PersonFields } from './newMember';

export interface Draft {
  fields: MemberFields;
  idempotencyKey: string;
  /** Whether it was sent at least once without an answer: the person may be entered already. */
  isAnswerLost: boolean;
}

/** Storage may be switched off in the browser; a draft then lives as long as the page. */
type Keeper = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

const PREFIX = 'chair-draft';

/** A new person's draft is named by the organisation, a known person's by the membership. */
function keyOf(accountId: string, of: number | string): string {
  return `${PREFIX}:${accountId}:${of}`;
}

export function freshDraft(today: string): Draft {
  return { fields: emptyFields(today), idempotencyKey: crypto.randomUUID(), isAnswerLost: false };
}

export function readDraft(keeper: Keeper, accountId: string, organisationId: number, today: string): Draft | undefined {
  try {
    const kept = JSON.parse(keeper.getItem(keyOf(accountId, organisationId)) ?? 'null') as Draft;
    if (!kept?.idempotencyKey) return undefined;
    // A field that a newer form has and the kept draft does not is simply still empty.
    return { ...kept, fields: { ...emptyFields(today), ...kept.fields } };
  } catch {
    return undefined;
  }
}

/** False when the device refused to keep it. */
export function keepDraft(keeper: Keeper, accountId: string, organisationId: number, draft: Draft): boolean {
  try {
    const key = keyOf(accountId, organisationId);
    if (isTouched(draft.fields) || draft.isAnswerLost) keeper.setItem(key, JSON.stringify(draft));
    else keeper.removeItem(key);
    return true;
  } catch {
    return false;
  }
}

/** What was changed of a known person and not sent yet; fields that nobody touched follow the register. */
export function readChanges(keeper: Keeper, accountId: string, memberId: string): Partial<PersonFields> {
  try {
    return JSON.parse(keeper.getItem(keyOf(accountId, memberId)) ?? '{}') as Partial<PersonFields>;
  } catch {
    return {};
  }
}

/** False when the device refused to keep them. */
export function keepChanges(
  keeper: Keeper,
  accountId: string,
  memberId: string,
  changes: Partial<PersonFields>,
): boolean {
  try {
    const key = keyOf(accountId, memberId);
    if (Object.keys(changes).length > 0) keeper.setItem(key, JSON.stringify(changes));
    else keeper.removeItem(key);
    return true;
  } catch {
    return false;
  }
}

export function dropDraft(keeper: Keeper, accountId: string, of: number | string): void {
  try {
    keeper.removeItem(keyOf(accountId, of));
  } catch {
    // Where nothing can be kept, nothing is left behind.
  }
}

/** Whether an account has anything unfinished here, in whatever organisation. */
export function hasDrafts(keeper: Storage, accountId: string): boolean {
  return draftKeys(keeper, accountId).length > 0;
}

export function dropDrafts(keeper: Storage, accountId: string): void {
  for (const key of draftKeys(keeper, accountId)) keeper.removeItem(key);
}

function draftKeys(keeper: Storage, accountId: string): string[] {
  try {
    const keys = Array.from({ length: keeper.length }, (_, index) => keeper.key(index) ?? '');
    return keys.filter((key) => key.startsWith(`${PREFIX}:${accountId}:`));
  } catch {
    return [];
  }
}
