// The till's time: the server's as of the last contact, and never before the newest moment that an issuer has signed.
// A phone's proof must not move it.
import { nowSeconds } from '../../core/clock';
import { readMeta, writeMeta } from '../../db/open';

const FLOOR_KEY = 'till-clock-floor';

let floorSeconds = 0;

export async function restoreFloor(): Promise<void> {
  floorSeconds = Math.max(floorSeconds, (await readMeta<number>(FLOOR_KEY)) ?? 0);
}

/** Notes an issuer-signed moment. */
export async function seen(iatSeconds: number): Promise<void> {
  if (iatSeconds <= floorSeconds) return;
  floorSeconds = iatSeconds;
  await writeMeta(FLOOR_KEY, iatSeconds);
}

export function tillNowSeconds(): number {
  return Math.max(nowSeconds(), floorSeconds);
}

/** By how much this till's clock lags behind what an issuer has signed: above zero, the till's clock is surely wrong. */
export function tillLagSeconds(): number {
  return Math.max(0, floorSeconds - nowSeconds());
}
