/**
 * Who is signed in, and for which organisation they act. The session itself is a cookie that no
 * script sees; what was learnt of it is remembered, so that without a network the last figures and
 * the drafts are still at hand.
 */
import * as v from 'valibot';
import { ApiProblem } from '../../../api/problem';
import type { StaffSession } from '../../../api/types';
import { localStore } from '../../../core/local';
import { dropDrafts } from '../form/draft';
import { forgetKept, keep, kept } from './kept';
import { stopChoosing } from '../people/choosing.svelte';
import { forgetPrintOrder } from '../print/printing.svelte';
import { forgetSheets } from '../print/sheets';
import { onSessionEnded, readSession, signIn as postSignIn, signOut as deleteSession } from '../staffApi';

/** What the screens stand on. */
const SessionShape = v.looseObject({
  accountId: v.string(),
  displayName: v.string(),
  mandates: v.array(v.looseObject({ organisationId: v.number() })),
});

type State = 'asking' | 'signed-out' | 'signed-in';

let state = $state<State>('asking');
let who = $state.raw<StaffSession | undefined>();
let homeId = $state<number | undefined>();
/** Whether the session ended while it was used, not by signing out. */
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
  const chosen = kept('organisation', v.number());
  const mandates = next.mandates.map((mandate) => mandate.organisationId);
  // Of several, none is taken for granted: people would be entered into the wrong organisation.
  const only = mandates.length === 1 ? mandates[0] : undefined;
  homeId = mandates.find((id) => id === chosen) ?? only;
  keep('session', next);
}

/** An answer of another shape, of whoever gave it, is no session. */
function readShape(answer: unknown): StaffSession {
  const read = v.safeParse(SessionShape, answer);
  if (!read.success) throw new ApiProblem({ code: 'unavailable', status: 200, detail: 'no session' });
  return read.output as StaffSession;
}

function end(): void {
  hasEnded = state === 'signed-in';
  state = 'signed-out';
}

/** Asks the server who is signed in; without an answer, whoever was last is believed. */
export async function openSession(): Promise<void> {
  onSessionEnded(end);
  const last = kept('session', SessionShape) as StaffSession | undefined;
  problem = undefined;
  if (last) admit(last);
  try {
    admit(readShape(await readSession()));
  } catch (cause) {
    if (!(cause instanceof ApiProblem)) throw cause;
    if (cause.code === 'unauthenticated') end();
    else if (!last) problem = cause;
  }
}

/** A browser that drops the cookie has signed nobody in: it is told so here, not as a session that ended. */
export async function signIn(login: string, password: string): Promise<void> {
  const next = readShape(await postSignIn(login, password));
  await readSession().catch((cause: unknown) => {
    if (cause instanceof ApiProblem && cause.code === 'unauthenticated')
      throw new ApiProblem({ code: 'cookies-refused', status: 401 });
  });
  admit(next);
}

/** Leaves nothing of this account on the device. */
export async function signOut(): Promise<void> {
  await deleteSession().catch((cause: unknown) => {
    if (!(cause instanceof ApiProblem && cause.code === 'unauthenticated')) throw cause;
  });
  if (who) dropDrafts(localStore(), who.accountId);
  forgetKept();
  forgetSheets();
  stopChoosing();
  forgetPrintOrder();
  who = undefined;
  homeId = undefined;
  state = 'signed-out';
  hasEnded = false;
}

export function actFor(organisationId: number): void {
  homeId = organisationId;
  keep('organisation', organisationId);
}
