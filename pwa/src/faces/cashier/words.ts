// A verdict for the cashier: for every code its tone, its picture, and its words, which say what happened, with its figures, what to
// do now, and why. A code that is missing here does not compile.
import type { Verdict, VerdictCode, Warning } from '../../core/card/verify';
import { m } from '../../messages/generated/messages.js';
import { iconBan, iconCircleCheck } from '../../ui/icons';
import type { Judgement } from './judge';
import { age, dayOf, duration } from './spans';
import * as pictures from './verdictIcons';

export type Code = VerdictCode | Warning;

/** `again`: nothing against the card; another showing of it is asked for. */
export type Tone = 'accepted' | 'warning' | 'again' | 'refused';

/** What is known of the case. A server's later refusal of a purchase comes without figures. */
type Facts = Partial<
  Pick<Verdict, 'class' | 'nowSeconds' | 'cardIatSeconds' | 'cardExpSeconds' | 'proofIatSeconds' | 'statusIatSeconds'> &
    Pick<Judgement, 'tillLagSeconds' | 'clock' | 'noLists' | 'trustExpSeconds' | 'challenge'>
>;

interface Entry {
  tone: Tone;
  icon: string;
  headline: (facts: Facts) => string;
  todo: (facts: Facts) => string | null;
  why: (facts: Facts) => string | null;
}

const nothing = (): null => null;

const entries: Record<Code, Entry> = {
  accepted: { tone: 'accepted', icon: iconCircleCheck, headline: m.verdict_accepted, todo: nothing, why: nothing },
  'status-stale': {
    tone: 'warning',
    icon: pictures.iconHistory,
    headline: statusOld,
    todo: m.verdict_status_old_todo,
    why: (facts) => m.verdict_status_stale_why({ time: statusAge(facts) }),
  },
  'status-too-old': {
    tone: 'warning',
    icon: pictures.iconHourglass,
    headline: statusOld,
    todo: m.verdict_status_old_todo,
    why: (facts) => m.verdict_status_too_old_why({ time: statusAge(facts) }),
  },
  'not-a-card': {
    tone: 'again',
    icon: pictures.iconScanSearch,
    headline: m.verdict_not_a_card,
    todo: m.verdict_not_a_card_todo,
    why: m.verdict_not_a_card_why,
  },
  malformed: {
    tone: 'refused',
    icon: pictures.iconPuzzle,
    headline: m.verdict_forged,
    todo: m.verdict_forged_todo,
    why: m.verdict_malformed_why,
  },
  'trust-list-bad': {
    tone: 'refused',
    icon: pictures.iconShieldX,
    headline: listsBad,
    todo: m.verdict_lists_bad_todo,
    why: ({ noLists }) => (noLists ? m.verdict_lists_never_why() : m.verdict_trust_list_bad_why()),
  },
  'trust-list-rollback': {
    tone: 'refused',
    icon: pictures.iconRotateCcw,
    headline: listsBad,
    todo: m.verdict_lists_bad_todo,
    why: m.verdict_trust_list_rollback_why,
  },
  'trust-list-expired': {
    tone: 'refused',
    icon: pictures.iconShieldMinus,
    headline: listsBad,
    todo: m.verdict_lists_bad_todo,
    why: (facts) => m.verdict_trust_list_expired_why({ date: day(facts, facts.trustExpSeconds) }),
  },
  'unknown-key': {
    tone: 'refused',
    icon: pictures.iconKeyRound,
    headline: m.verdict_unknown_key,
    todo: m.verdict_unknown_key_todo,
    why: m.verdict_unknown_key_why,
  },
  'bad-signature': {
    tone: 'refused',
    icon: pictures.iconPenOff,
    headline: m.verdict_forged,
    todo: m.verdict_forged_todo,
    why: m.verdict_bad_signature_why,
  },
  'not-yet-valid': {
    tone: 'refused',
    icon: pictures.iconClockAlert,
    headline: ({ nowSeconds, cardIatSeconds }) => tillBehind(between(nowSeconds, cardIatSeconds)),
    todo: m.verdict_till_behind_todo,
    why: m.verdict_not_yet_valid_why,
  },
  expired: {
    tone: 'refused',
    icon: pictures.iconCalendarX,
    headline: (facts) => m.verdict_expired({ date: day(facts, facts.cardExpSeconds) }).trim(),
    todo: (facts) => (facts.class === 'paper' ? m.verdict_expired_paper_todo() : m.verdict_expired_todo()),
    why: ({ cardExpSeconds, nowSeconds }) => m.verdict_expired_why({ age: age(between(cardExpSeconds, nowSeconds)) }),
  },
  'proof-missing': {
    tone: 'again',
    icon: pictures.iconCopy,
    headline: m.verdict_proof_missing,
    todo: m.verdict_proof_missing_todo,
    why: m.verdict_proof_missing_why,
  },
  'proof-bad': {
    tone: 'refused',
    icon: pictures.iconFingerprint,
    headline: m.verdict_forged,
    todo: m.verdict_forged_todo,
    why: m.verdict_proof_bad_why,
  },
  'proof-stale': {
    tone: 'again',
    icon: pictures.iconTimerOff,
    headline: (facts) =>
      facts.clock === 'doubtful' ? clocksDiffer(facts) : m.verdict_proof_stale({ time: duration(aheadSeconds(facts)) }),
    todo: ({ clock }) => (clock === 'doubtful' ? m.verdict_clocks_differ_todo() : m.verdict_proof_stale_todo()),
    why: staleWhy,
  },
  'proof-future': {
    tone: 'refused',
    icon: pictures.iconWatch,
    headline: clockWrong,
    todo: clockWrongTodo,
    why: ({ tillLagSeconds = 0 }) => (tillLagSeconds > 0 ? m.verdict_till_behind_why() : m.verdict_proof_future_why()),
  },
  'challenge-missing': {
    tone: 'again',
    icon: pictures.iconHash,
    headline: challengeWanted,
    todo: m.verdict_challenge_todo,
    why: m.verdict_challenge_missing_why,
  },
  'challenge-wrong': {
    tone: 'again',
    icon: pictures.iconAsterisk,
    headline: challengeWanted,
    todo: m.verdict_challenge_todo,
    why: m.verdict_challenge_wrong_why,
  },
  'status-bad': {
    tone: 'refused',
    icon: pictures.iconListX,
    headline: listsBad,
    todo: m.verdict_lists_bad_todo,
    why: m.verdict_status_bad_why,
  },
  'status-unknown': {
    tone: 'refused',
    icon: pictures.iconCloudOff,
    headline: m.verdict_status_unknown,
    todo: m.verdict_status_unknown_todo,
    why: m.verdict_status_unknown_why,
  },
  revoked: {
    tone: 'refused',
    icon: iconBan,
    headline: m.verdict_revoked,
    todo: m.verdict_revoked_todo,
    why: m.verdict_revoked_why,
  },
  suspended: {
    tone: 'refused',
    icon: pictures.iconCirclePause,
    headline: m.verdict_suspended,
    todo: m.verdict_revoked_todo,
    why: m.verdict_suspended_why,
  },
  replayed: {
    tone: 'again',
    icon: pictures.iconRepeat,
    headline: m.verdict_replayed,
    todo: m.verdict_replayed_todo,
    why: m.verdict_replayed_why,
  },
};

/** Every code, in the order of the table. */
export const CODES = Object.keys(entries) as Code[];

export function isVerdictCode(code: string | null | undefined): code is Code {
  return typeof code === 'string' && code in entries;
}

export interface Words {
  code: Code;
  tone: Tone;
  icon: string;
  word: string;
  headline: string;
  todo: string | null;
  why: string | null;
}

export function wordsOf(code: Code, facts: Facts = {}): Words {
  const { tone, icon, headline, todo, why } = entries[code];
  return { code, tone, icon, word: wordOf(tone), headline: headline(facts), todo: todo(facts), why: why(facts) };
}

export function verdictWords(judgement: Judgement): Words {
  const { verdict } = judgement;
  return wordsOf(verdict.warning ?? verdict.code, { ...verdict, ...judgement });
}

/** A code that was found after the verdict, as by the server: the showing's own figures, as old as they are by then. */
export function wordsLater(code: Code, judgement: Judgement, nowSeconds: number): Words {
  return wordsOf(code, { ...judgement.verdict, ...judgement, clock: 'heard', nowSeconds });
}

/** «Учащийся»: what the card says of its owner. */
export function categoryWord(category: number): string {
  if (category === 1) return m.verdict_category_1();
  return category === 2 ? m.verdict_category_2() : m.verdict_category_3();
}

function wordOf(tone: Tone): string {
  if (tone === 'accepted') return m.verdict_word_accepted();
  return tone === 'warning' ? m.verdict_word_warning() : m.verdict_word_refused();
}

function statusOld(facts: Facts): string {
  return m.verdict_status_old({ date: day(facts, facts.statusIatSeconds) });
}

function statusAge({ statusIatSeconds, nowSeconds }: Facts): string {
  return duration(between(statusIatSeconds, nowSeconds));
}

function listsBad({ noLists }: Facts): string {
  return noLists ? m.verdict_lists_never() : m.verdict_lists_bad();
}

/** A proof from the future: this till's clock where an issuer's signature proves it behind, otherwise the phone's. */
function clockWrong(facts: Facts): string {
  const { tillLagSeconds = 0 } = facts;
  if (tillLagSeconds > 0) return tillBehind(aheadSeconds(facts) + tillLagSeconds);
  if (!isTimeHeard(facts)) return clocksDiffer(facts);
  return m.verdict_phone_ahead({ time: duration(aheadSeconds(facts)) });
}

function clockWrongTodo(facts: Facts): string {
  if ((facts.tillLagSeconds ?? 0) > 0) return m.verdict_till_behind_todo();
  return isTimeHeard(facts) ? m.verdict_phone_ahead_todo() : m.verdict_clocks_differ_todo();
}

/** A till that has not heard the time for a while may itself be the one that is wrong. */
function staleWhy(facts: Facts): string {
  const time = duration(aheadSeconds(facts));
  if (facts.clock === 'doubtful') return m.verdict_clocks_differ_why();
  return isTimeHeard(facts) ? m.verdict_proof_stale_why({ time }) : m.verdict_proof_stale_alone_why({ time });
}

/** A refusal that comes from the server is by its time. */
function isTimeHeard({ clock = 'heard' }: Facts): boolean {
  return clock === 'heard';
}

function clocksDiffer(facts: Facts): string {
  return m.verdict_clocks_differ({ time: duration(aheadSeconds(facts)) });
}

function tillBehind(seconds: number): string {
  return m.verdict_till_behind({ time: duration(seconds) });
}

function challengeWanted({ challenge }: Facts): string {
  return challenge ? m.verdict_challenge({ digits: challenge }) : m.verdict_challenge_unknown();
}

function day({ nowSeconds }: Facts, seconds: number | null | undefined): string {
  return seconds ? dayOf(seconds, nowSeconds ?? seconds) : '';
}

/** By how much the phone's moment and the till's differ. */
function aheadSeconds({ proofIatSeconds, nowSeconds }: Facts): number {
  return Math.abs((proofIatSeconds ?? 0) - (nowSeconds ?? 0));
}

function between(fromSeconds: number | null | undefined, toSeconds: number | null | undefined): number {
  return Math.max(0, (toSeconds ?? 0) - (fromSeconds ?? 0));
}
