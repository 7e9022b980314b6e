/** The till's addresses. What a purchase goes through has none: no way back leads into the midst of it. */
import type { Source } from '../../app/routes';
import { later } from './later';

export const PATHS = { scan: '/scan', operations: '/scan/operations', pairing: '/scan/pairing' } as const;

/** The cashier's screens. Scanning is in the face's own file. */
export const routes = {
  operations: { load: later.operations },
  pairing: { load: later.pairing },
} satisfies Record<Exclude<keyof typeof PATHS, 'scan'>, Source<Record<string, never>>>;
