/**
 * The server's time as this device knows it: its own clock plus the offset last learnt. The offset
 * is kept, so that a phone with a wrong clock still dates its proofs rightly without a network.
 */
import { readMeta, writeMeta } from '../db/open';

const META_KEY = 'clock-offset-millis';
/** A slower answer says too little about the moment it was made. */
const SLOWEST_USEFUL_MILLIS = 10_000;

/** The device's own clock may be set anew at any time; what was learnt long ago is asked again. */
const FRESH_MILLIS = 10 * 60_000;

let offsetMillis = 0;
let learntAtMillis: number | undefined;

export function nowMillis(): number {
  return Date.now() + offsetMillis;
}

export function nowSeconds(): number {
  return Math.floor(nowMillis() / 1000);
}

/** The calendar day of the books and the register, `2026-11-22`: Moscow's, wherever this device is. */
export function moscowDay(seconds: number): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone: 'Europe/Moscow' }).format(seconds * 1000);
}

/** Server time minus device time. */
export function clockOffsetSeconds(): number {
  return Math.round(offsetMillis / 1000);
}

/** Measured by the page's own running time, which nobody can set. */
export function isClockFresh(): boolean {
  return learntAtMillis !== undefined && performance.now() - learntAtMillis < FRESH_MILLIS;
}

export async function restoreClock(): Promise<void> {
  const kept = await readMeta<number>(META_KEY);
  if (typeof kept === 'number' && Number.isFinite(kept)) offsetMillis = kept;
}

/** The server's answer is taken to have been made halfway between asking and hearing. */
export function offsetFrom(
  serverMillis: number,
  askedAtMillis: number,
  heardAtMillis: number,
): number | undefined {
  const tookMillis = heardAtMillis - askedAtMillis;
  if (tookMillis < 0 || tookMillis > SLOWEST_USEFUL_MILLIS) return undefined;
  return Math.round(serverMillis - (askedAtMillis + heardAtMillis) / 2);
}

export async function learnServerTime(
  serverMillis: number,
  askedAtMillis: number,
  heardAtMillis = Date.now(),
): Promise<void> {
  const learnt = offsetFrom(serverMillis, askedAtMillis, heardAtMillis);
  if (learnt === undefined) return;
  offsetMillis = learnt;
  learntAtMillis = performance.now();
  await writeMeta(META_KEY, learnt);
}
