/**
 * Who is signed in, and for which organisation they act. The session itself is a cookie that no
 * script sees; what was learnt of it is remembered, so that without a network the last figures and
 * the drafts are still at hand.
 */
import { ApiProblem } from '../../api/problem';
import type { StaffSession } from '../../api/types';
import { dropDrafts } from './draft';
import { forgetKept, keep, kept } from './kept';
import { stopChoosing } from './choosing.svelte';
import { forgetOrder } from './printing.svelte';
import { forgetSheets } from './sheets';
import { onSessionEnded, readSession, signIn as postSignIn, signOut as deleteSession } from './staffApi';

type State = 'asking' | 'signed-out' | 'signed-in';

let state = $state<State>('asking');
let who = $state.raw<StaffSession | undefined>();
let homeId = $state<number | undefined>();
/** The session ended while it was used, not by signing out. */
let hasEnded = $state(false);
let problem = $state.raw<ApiProblem | undefined>();

export const session = {
  get state(): State {
    return state;
  },
  get who(): StaffSession | undefined {
    return who;
  },
  get hasEnded(): boolean {
    return hasEnded;
  },
  /** Why it is not known who is signed in. */
  get problem(): ApiProblem | undefined {
    return problem;
  },
  /** The organisation of the chosen mandate. */
  get homeId(): number | undefined {
    return homeId;
  },
};

function admit(next: StaffSession): void {
  who = next;
  state = 'signed-in';
  hasEnded = false;
  problem = undefined;
  keep('session', next);
  const chosen = kept<number>('organisation');
  const mandates = next.mandates.map((mandate) => mandate.organisationId);
  // Of several, none is taken for granted: people would be entered into the wrong organisation.
  const only = mandates.length === 1 ? mandates[0] : undefined;
  homeId = mandates.find((id) => id === chosen) ?? only;
}

function end(): void {
  hasEnded = state === 'signed-in';
  state = 'signed-out';
}

/** Asks the server who is signed in; without an answer, whoever was last is believed. */
export async function openSession(): Promise<void> {
  onSessionEnded(end);
  const last = kept<StaffSession>('session');
  problem = undefined;
  if (last) admit(last);
  try {
    admit(await readSession());
  } catch (cause) {
    if (!(cause instanceof ApiProblem)) throw cause;
    if (cause.code === 'unauthenticated') end();
    else if (!last) problem = cause;
  }
}

export async function signIn(login: string, password: string): Promise<void> {
  admit(await postSignIn(login, password));
}

/** Leaves nothing of this account on the device. */
export async function signOut(): Promise<void> {
  await deleteSession().catch((cause: unknown) => {
    if (!(cause instanceof ApiProblem && cause.code === 'unauthenticated')) throw cause;
  });
  if (who) dropDrafts(localStorage, who.accountId);
  forgetKept();
  forgetSheets();
  stopChoosing();
  forgetOrder();
  who = undefined;
  homeId = undefined;
  state = 'signed-out';
  hasEnded = false;
}

export function actFor(organisationId: number): void {
  homeId = organisationId;
  keep('organisation', organisationId);
}
