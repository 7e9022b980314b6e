/** The organisation that is looked at: its figures now, or as they were last seen on this device. */
import * as v from 'valibot';
import { asProblem, type ApiProblem } from '../../../api/problem';
import type { Organisation } from '../../../api/types';
import { nowSeconds } from '../../../core/clock';
import { keep, kept } from '../session/kept';
import { readOrganisation } from '../staffApi';

/** Members are registered where they work or study: in a primary organisation or a part of one. */
export const keepsMembers = ({ kind }: Pick<Organisation, 'kind'>): boolean =>
  ['primary', 'bureau', 'group'].includes(kind);

interface Seen {
  value: Organisation;
  atSeconds: number;
}

/** What the screens stand on: figures that an older app kept may lack some. */
const COUNTS = [
  'members',
  'working',
  'students',
  'pensioners',
  'suspended',
  'joinedThisMonth',
  'withPhoneCard',
  'withoutPhoneCard',
  'withoutConsent',
] as const;
const SeenShape = v.looseObject({
  atSeconds: v.number(),
  value: v.looseObject({
    id: v.number(),
    kind: v.string(),
    name: v.string(),
    shortName: v.string(),
    counts: v.looseObject(Object.fromEntries(COUNTS.map((name) => [name, v.number()]))),
    children: v.array(v.looseObject({ id: v.number() })),
  }),
});

let seen = $state.raw<Seen | undefined>();
let problem = $state.raw<ApiProblem | undefined>();
let reading: AbortController | undefined;

export const organisation = {
  get value(): Organisation | undefined {
    return seen?.value;
  },
  get seenAtSeconds(): number {
    return seen?.atSeconds ?? 0;
  },
  /** Why the figures are not today's; undefined while they are, or are being read. */
  get problem(): ApiProblem | undefined {
    return problem;
  },
};

export async function lookAt(id: number): Promise<void> {
  reading?.abort();
  const own = new AbortController();
  reading = own;
  if (seen?.value.id !== id) seen = kept(`figures-${id}`, SeenShape) as Seen | undefined;
  problem = undefined;
  try {
    const value = await readOrganisation(id, own.signal);
    seen = { value, atSeconds: nowSeconds() };
    keep(`figures-${id}`, seen);
  } catch (cause) {
    if (!own.signal.aborted) problem = asProblem(cause);
  }
}

/** After an act that changes the figures. */
export function lookAgain(): void {
  if (seen) void lookAt(seen.value.id);
}
