import { afterEach, describe, expect, test } from 'vitest';
import type { ProblemCode } from '../../api/codes';
import { REFUSAL_CODES, WARNINGS, type Verdict } from '../../core/card/verify';
import { overwriteGetLocale, type Locale } from '../../messages/generated/runtime.js';
import type { Judgement } from './judge';
import { rejectionWords, unreadWords } from './rejections';
import { notesOf } from './signal';
import { age, duration } from './spans';
import { CODES, verdictWords, wordsLater, wordsOf, type Code, type Tone } from './words';

const now = Date.UTC(2026, 10, 22, 9, 0) / 1000;
const plain = (text: string) => text.replaceAll('\u00a0', ' ');
const speak = (locale: Locale) => overwriteGetLocale(() => locale);

afterEach(() => speak('ru'));

function judgement(verdict: Partial<Verdict>, till: Partial<Judgement> = {}): Judgement {
  return {
    text: '',
    tillLagSeconds: 0,
    clock: 'heard',
    noLists: false,
    trustExpSeconds: now - 3600,
    challenge: null,
    ...till,
    verdict: {
      accepted: false,
      code: 'malformed',
      warning: null,
      allowed: [],
      number: null,
      shown: null,
      class: 'phone',
      proofId: null,
      nowSeconds: now,
      cardIatSeconds: null,
      cardExpSeconds: null,
      proofIatSeconds: null,
      statusIatSeconds: null,
      maxRedeemKopecks: null,
      ...verdict,
    },
  };
}

describe('a verdict says what happened, with its figures', () => {
  test.each<[Partial<Verdict>, string, string?]>([
    [{ code: 'not-a-card' }, 'Это не карта профсоюза'],
    [{ code: 'malformed' }, 'Карта подделана или повреждена'],
    [{ code: 'bad-signature' }, 'Карта подделана или повреждена'],
    [{ code: 'proof-bad' }, 'Карта подделана или повреждена'],
    [{ code: 'unknown-key' }, 'Касса не знает ключа этой карты'],
    [{ code: 'trust-list-bad' }, 'Касса давно не была в сети'],
    [{ code: 'trust-list-rollback' }, 'Касса давно не была в сети'],
    [{ code: 'trust-list-expired' }, 'Касса давно не была в сети', 'Список доверия на кассе действовал до 22 ноября'],
    [{ code: 'status-bad' }, 'Касса давно не была в сети'],
    [{ code: 'expired', cardExpSeconds: now - 10 * 86_400 }, 'Срок карты истёк 12 ноября', 'Это было 10 дней назад'],
    [{ code: 'expired', cardExpSeconds: now - 365 * 86_400 }, 'Срок карты истёк 22 ноября 2025'],
    [{ code: 'not-yet-valid', cardIatSeconds: now + 240 }, 'Часы кассы отстают на 4 минуты'],
    [{ code: 'proof-future', proofIatSeconds: now + 240 }, 'Часы телефона спешат на 4 минуты'],
    [{ code: 'challenge-missing' }, 'Для списания нужны цифры этой кассы'],
    [{ code: 'challenge-wrong' }, 'Для списания нужны цифры этой кассы'],
    [{ code: 'proof-missing' }, 'Показана копия карты'],
    [
      { code: 'proof-stale', proofIatSeconds: now - 120 },
      'Код показан 2 минуты назад: это снимок?',
      'Если это не снимок, часы телефона отстают на 2 минуты',
    ],
    [{ code: 'replayed' }, 'Этот код уже принят'],
    [{ code: 'revoked' }, 'Карта отозвана'],
    [{ code: 'suspended' }, 'Карта приостановлена'],
    [{ code: 'status-unknown' }, 'Состояние карты неизвестно'],
  ])('%o', (verdict, headline, why) => {
    const words = verdictWords(judgement(verdict));
    expect(plain(words.headline)).toBe(headline);
    expect(words.word).toBe('Отказ');
    if (why) expect(plain(words.why!)).toBe(why);
  });

  test('accepted, with a warning and without', () => {
    expect(verdictWords(judgement({ accepted: true, code: 'accepted' }))).toMatchObject({
      tone: 'accepted',
      word: 'Действительна',
      headline: 'Карта действительна',
      todo: null,
      why: null,
    });
    const stale = verdictWords(
      judgement({
        accepted: true,
        code: 'accepted',
        warning: 'status-stale',
        statusIatSeconds: now - 3 * 86_400,
      }),
    );
    expect(stale).toMatchObject({ code: 'status-stale', tone: 'warning', word: 'Проверьте' });
    expect(plain(stale.headline)).toBe('Карта подлинная, список отзыва за 19 ноября');
  });

  test("the till's own clock is named where an issuer's signature proves it wrong", () => {
    const words = verdictWords(
      judgement({ code: 'proof-future', proofIatSeconds: now + 120 }, { tillLagSeconds: 480 }),
    );
    expect(plain(words.headline)).toBe('Часы кассы отстают на 10 минут');
    expect(words.todo).toBe('Включите автоматическое время на кассе');
  });

  test('a redemption without its digits says them', () => {
    const words = verdictWords(judgement({ code: 'challenge-wrong' }, { challenge: '4821' }));
    expect(words.headline).toBe('Для списания нужны цифры этой кассы: 4821');
  });

  test('a till that never had lists is not told that it lost them', () => {
    expect(verdictWords(judgement({ code: 'trust-list-bad' }, { noLists: true })).headline).toBe(
      'Касса ещё не получила списков',
    );
  });
});

describe.each<Locale>(['ru', 'en'])('in %s', (locale) => {
  const facts = {
    nowSeconds: now,
    cardExpSeconds: now - 86_400 * 3,
    cardIatSeconds: now + 240,
    proofIatSeconds: now - 180,
    statusIatSeconds: now - 86_400 * 4,
    trustExpSeconds: now - 3600,
    challenge: '4821',
  };
  const letters: Record<Locale, RegExp> = { ru: /^[^A-Za-z]*(PC1[^A-Za-z]*)?$/, en: /^[^А-Яа-яЁё]*$/ };

  test('every code has words of its own, all of them in the language', () => {
    speak(locale);
    const all = [...REFUSAL_CODES, ...WARNINGS].map((code) => wordsOf(code, facts));
    for (const { code, word, headline, todo, why } of all) {
      for (const text of [word, headline, todo, why]) {
        expect(text, code).toBeTruthy();
        expect(text, code).toMatch(letters[locale]);
      }
    }
    expect(new Set(all.map(({ headline, why }) => `${headline} ${why}`)).size).toBe(all.length);
    expect(wordsOf('accepted').headline).toMatch(letters[locale]);
  });
});

test('what is found later is told with the figures of the showing, as old as they are by then', () => {
  const shown = judgement({ code: 'accepted', accepted: true, proofIatSeconds: now - 10 }, { challenge: '4821' });
  expect(plain(wordsLater('proof-stale', shown, now + 110).headline)).toBe('Код показан 2 минуты назад: это снимок?');
  expect(wordsLater('challenge-wrong', shown, now).headline).toBe('Для списания нужны цифры этой кассы: 4821');
});

test('every code is in the table, with a picture and a sound of its own', () => {
  const every: Code[] = ['accepted', ...WARNINGS, ...REFUSAL_CODES];
  expect([...CODES].sort()).toEqual([...every].sort());
  const words = every.map((code) => wordsOf(code));
  expect(new Set(words.map(({ icon }) => icon)).size).toBe(every.length);
  expect(new Set(words.map(({ code, tone }) => JSON.stringify(notesOf(code, tone)))).size).toBe(every.length);
});

test('only what is accepted is green, only what another showing cures is asked for again', () => {
  const codesOf = (tone: Tone) => CODES.filter((code) => wordsOf(code).tone === tone).sort();
  expect(codesOf('accepted')).toEqual(['accepted']);
  expect(codesOf('warning')).toEqual([...WARNINGS].sort());
  expect(codesOf('again')).toEqual([
    'challenge-missing',
    'challenge-wrong',
    'not-a-card',
    'proof-missing',
    'proof-stale',
    'replayed',
  ]);
});

test.each([
  [1, '1 секунду'],
  [59, '59 секунд'],
  [61, '1 минуту'],
  [150, '3 минуты'],
  [3600, '1 час'],
  [7200, '2 часа'],
  [5 * 86_400, '5 дней'],
  [-600, '10 минут'],
])('%d seconds are «%s»', (seconds, words) => {
  expect(duration(seconds)).toBe(words);
});

test('what has just been made is not zero seconds old', () => {
  expect([age(3), age(125)]).toEqual(['только что', '2 минуты назад']);
});

test('each refusal of the server has words of its own, and an unknown one a way out', () => {
  const codes = [
    'op-number-reused',
    'idempotency-conflict',
    'amount-invalid',
    'not-in-programme',
    'unknown-mutation',
    'malformed-args',
    'unknown-purchase',
    'already-cancelled',
    'cancel-too-late',
    'other-outlet',
    'card-not-issued-here',
    'replayed',
    'revoked',
    'suspended',
    'expired',
    'proof-stale',
    'unknown-key',
    'proof-bad',
    'status-unknown',
    'never-heard-of',
    'challenge-wrong',
    'redemption-not-allowed',
    'redemption-too-much',
    'balance-too-low',
    'redemption-offline',
    'lookup-used',
    'lookup-expired',
    'too-old',
  ] as ProblemCode[];
  const words = codes.map((code) => rejectionWords(code));
  expect(new Set(words).size).toBe(codes.length);
  for (const code of ['malformed-request', 'invalid-input', 'too-large'] as const) {
    expect(rejectionWords(code)).toBe(rejectionWords('malformed-args'));
  }
  expect(rejectionWords('replayed')).toBe('Этот код уже принят. Кэшбэк не начислен.');
  expect(plain(rejectionWords('balance-too-low', { availableKopecks: 4_500 }))).toMatch(/^На счёте только 45,00 ₽/);
});

test('what waits for a newer server is not told as refused', () => {
  const codes = ['unknown-mutation', 'malformed-args'] as const;
  const words = codes.map(unreadWords);
  expect(new Set([...words, ...codes.map((code) => rejectionWords(code))]).size).toBe(4);
  for (const text of words) expect(text).toContain('уйдёт сама');
});

describe('a till that has not heard the time for a while', () => {
  const stale = { code: 'proof-stale', proofIatSeconds: now - 600 } as const;
  const future = { code: 'proof-future', proofIatSeconds: now + 600 } as const;

  test('names itself as a possible cause', () => {
    const words = verdictWords(judgement(stale, { clock: 'alone' }));
    expect(plain(words.headline)).toBe('Код показан 10 минут назад: это снимок?');
    expect(plain(words.why ?? '')).toBe('Если это не снимок, часы телефона отстают или часы кассы спешат на 10 минут');
    expect(plain(verdictWords(judgement(future, { clock: 'alone' })).headline)).toBe(
      'Часы кассы и телефона расходятся на 10 минут',
    );
  });

  test('accuses nobody of a screenshot where its own clock may have been put right', () => {
    for (const shown of [stale, future]) {
      const words = verdictWords(judgement(shown, { clock: 'doubtful' }));
      expect(plain(words.headline)).toBe('Часы кассы и телефона расходятся на 10 минут');
      expect(words.todo).toContain('Кассу подключите к сети');
    }
  });
});
