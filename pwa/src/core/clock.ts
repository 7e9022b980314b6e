/**
 * The server's time as this device knows it: its own clock plus the offset last learnt. The offset
 * is kept, so that a phone with a wrong clock still dates its proofs rightly without a network.
 *
 * A clock that is put right makes the offset wrong. The page's own running time, which nobody can set,
 * shows most of that: it stands still while the device sleeps, so a clock that is ahead of it proves nothing,
 * but one that fell behind it was set, and so was one that sprang by just what it was off.
 */
import { readMeta, writeMeta } from '../db/open';
import { keepChoice, readChoice } from './local';

const META_KEY = 'clock-offset-millis';
const SEEN_KEY = 'clock-seen-millis';
/** A slower answer says too little about the moment it was made. */
const SLOWEST_USEFUL_MILLIS = 10_000;

/** The device's own clock may be set anew at any time; what was learnt long ago is asked again. */
const FRESH_MILLIS = 10 * 60_000;

/**
 * The age of the server's last word, with or without sleep, from which its offset is only as good as one of an earlier
 * visit.
 */
const OFFSET_GOOD_MILLIS = 3 * 3_600_000;

/** A clock that is nearer than this to the server's is right. */
const RIGHT_WITHIN_MILLIS = 30_000;
/** The error within which a jump must make up for the offset: an answer's way and a slow hand. */
const JUMP_WITHIN_MILLIS = 5_000;

interface Moment {
  clockMillis: number;
  runningMillis: number;
}

let offsetMillis = 0;
/** The device's clock and the page's running time as the server was last heard. */
let learnt: Moment | undefined;
/** The device's clock and the page's running time, read together when the offset was learnt or restored. */
let anchor: Moment | undefined;

export function nowMillis(): number {
  const kept = offsetAfterJump(offsetMillis, jumpSinceAnchor());
  if (kept !== offsetMillis) void setOffset(kept).catch((cause: unknown) => console.warn('clock', cause));
  return Date.now() + offsetMillis;
}

/** The milliseconds that the device's clock has gained on the running time. */
function jumpSinceAnchor(): number {
  if (!anchor) return 0;
  return Date.now() - anchor.clockMillis - (performance.now() - anchor.runningMillis);
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

/** The running time, which nobody can set, stands still while the device sleeps: the longer of the two counts. */
function learntAgoMillis(): number {
  if (!learnt) return Infinity;
  return Math.max(performance.now() - learnt.runningMillis, Date.now() - learnt.clockMillis);
}

export function isClockFresh(): boolean {
  return learntAgoMillis() < FRESH_MILLIS;
}

/**
 * Whether the time follows from an offset of an earlier visit, or of hours ago: the clock may have been put right
 * since.
 */
export function isOffsetDoubtful(): boolean {
  return learntAgoMillis() > OFFSET_GOOD_MILLIS && Math.abs(offsetMillis) >= RIGHT_WITHIN_MILLIS;
}

/** How well the time is known: heard of the server shortly ago, reckoned alone since, or by an offset that may be over. */
export type ClockTrust = 'heard' | 'alone' | 'doubtful';

export function clockTrust(): ClockTrust {
  if (isClockFresh()) return 'heard';
  return isOffsetDoubtful() ? 'doubtful' : 'alone';
}

/** Trusts the device's clock, for whoever knows that it is right now. */
export async function trustDeviceClock(): Promise<void> {
  await setOffset(0);
}

export async function restoreClock(): Promise<void> {
  const kept = await readMeta<number>(META_KEY);
  const seen = Number(readChoice(SEEN_KEY) ?? NaN);
  if (learnt || !isMoment(kept)) return;
  const restored = isMoment(seen) ? offsetAfterVisit(kept, seen, Date.now()) : kept;
  hold(restored);
  if (restored !== kept) await writeMeta(META_KEY, restored);
}

/** Notes what the clock reads as the page goes out of sight: a clock that reads less next time was set back. */
export function noteClockOnLeaving(): () => void {
  const note = () => {
    // Not in the database: a system that puts the page to sleep in the midst of a write may leave it silent.
    if (document.visibilityState === 'hidden') keepChoice(SEEN_KEY, String(Date.now()));
  };
  document.addEventListener('visibilitychange', note);
  return () => document.removeEventListener('visibilitychange', note);
}

/** The offset once the device's clock has jumped against the running time. */
export function offsetAfterJump(offset: number, jumpMillis: number): number {
  // Also of a sleeping device the clock only gains: it was set back.
  if (jumpMillis < -JUMP_WITHIN_MILLIS) return rounded(offset - jumpMillis);
  const isPutRight = offset >= RIGHT_WITHIN_MILLIS && Math.abs(jumpMillis - offset) <= JUMP_WITHIN_MILLIS;
  return isPutRight ? 0 : offset;
}

/** The offset once the clock reads `clockMillis`, after it had read `seenMillis` in an earlier visit. */
export function offsetAfterVisit(offset: number, seenMillis: number, clockMillis: number): number {
  if (clockMillis >= seenMillis) return offset;
  // Set back. Believed, unless it is behind what was known of the time then.
  return Math.max(0, seenMillis + offset - clockMillis);
}

/** The server's answer is taken to have been made halfway between asking and hearing. */
export function offsetFrom(serverMillis: number, askedAtMillis: number, heardAtMillis: number): number | undefined {
  const tookMillis = heardAtMillis - askedAtMillis;
  if (tookMillis < 0 || tookMillis > SLOWEST_USEFUL_MILLIS) return undefined;
  return Math.round(serverMillis - (askedAtMillis + heardAtMillis) / 2);
}

export async function learnServerTime(
  serverMillis: number,
  askedAtMillis: number,
  heardAtMillis = Date.now(),
): Promise<void> {
  const offset = offsetFrom(serverMillis, askedAtMillis, heardAtMillis);
  if (offset === undefined) return;
  learnt = moment();
  await setOffset(offset);
}

async function setOffset(millis: number): Promise<void> {
  hold(millis);
  await writeMeta(META_KEY, millis);
}

function hold(millis: number): void {
  offsetMillis = millis;
  anchor = moment();
}

function moment(): Moment {
  return { clockMillis: Date.now(), runningMillis: performance.now() };
}

/** A clock that differs by less than its answer's way is right. */
function rounded(offset: number): number {
  return Math.abs(offset) <= JUMP_WITHIN_MILLIS ? 0 : offset;
}

function isMoment(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
