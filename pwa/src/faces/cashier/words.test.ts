import { describe, expect, test } from 'vitest';
import type { Verdict } from '../../core/card/verify';
import type { Judgement } from './judge';
import { age, duration, rejectionWords, verdictWords } from './words';

const now = Date.UTC(2026, 10, 22, 9, 0) / 1000;
const plain = (text: string) => text.replaceAll('\u00a0', ' ');

function judgement(verdict: Partial<Verdict>, till: Partial<Judgement> = {}): Judgement {
  return {
    text: '', tillLagSeconds: 0, noLists: false, ...till,
    verdict: {
      accepted: false, code: 'malformed', warning: null, allowed: [], number: null, shown: null, class: 'phone',
      proofId: null, nowSeconds: now, cardIatSeconds: null, cardExpSeconds: null, proofIatSeconds: null,
      statusIatSeconds: null, maxRedeemKopecks: null, ...verdict,
    },
  };
}

describe('a verdict says what happened, with its figures', () => {
  test.each<[Partial<Verdict>, string]>([
    [{ code: 'not-a-card' }, 'Это не карта профсоюза'],
    [{ code: 'malformed' }, 'Карта подделана или повреждена'],
    [{ code: 'bad-signature' }, 'Карта подделана или повреждена'],
    [{ code: 'proof-bad' }, 'Карта подделана или повреждена'],
    [{ code: 'unknown-key' }, 'Касса не знает ключа этой карты'],
    [{ code: 'trust-list-bad' }, 'Касса давно не была в сети'],
    [{ code: 'trust-list-rollback' }, 'Касса давно не была в сети'],
    [{ code: 'trust-list-expired' }, 'Касса давно не была в сети'],
    [{ code: 'status-bad' }, 'Касса давно не была в сети'],
    [{ code: 'expired', cardExpSeconds: now - 10 * 86_400 }, 'Срок карты истёк 12 ноября'],
    [{ code: 'expired', cardExpSeconds: now - 365 * 86_400 }, 'Срок карты истёк 22 ноября 2025'],
    [{ code: 'not-yet-valid', cardIatSeconds: now + 240 }, 'Часы кассы отстают на 4 минуты'],
    [{ code: 'proof-future', proofIatSeconds: now + 240 }, 'Часы телефона спешат на 4 минуты'],
    [{ code: 'challenge-missing' }, 'Для списания нужны цифры этой кассы'],
    [{ code: 'challenge-wrong' }, 'Для списания нужны цифры этой кассы'],
    [{ code: 'proof-missing' }, 'Показана копия карты'],
    [{ code: 'proof-stale', proofIatSeconds: now - 120 }, 'Код показан 2 минуты назад: это снимок?'],
    [{ code: 'replayed' }, 'Этот код уже принят'],
    [{ code: 'revoked' }, 'Карта отозвана'],
    [{ code: 'suspended' }, 'Карта приостановлена'],
    [{ code: 'status-unknown' }, 'Состояние карты неизвестно'],
  ])('%o', (verdict, headline) => {
    const words = verdictWords(judgement(verdict));
    expect(plain(words.headline)).toBe(headline);
    expect(words).toMatchObject({ tone: 'refused', word: 'Отказ' });
    expect(words.todo).not.toBe('');
  });

  test('accepted, with a warning and without', () => {
    expect(verdictWords(judgement({ accepted: true, code: 'accepted' }))).toEqual({
      tone: 'accepted', word: 'Действительна', headline: 'Карта действительна', todo: null,
    });
    const stale = verdictWords(judgement({
      accepted: true, code: 'accepted', warning: 'status-stale', statusIatSeconds: now - 3 * 86_400,
    }));
    expect(stale.tone).toBe('warning');
    expect(plain(stale.headline)).toBe('Карта подлинная, список отзыва за 19 ноября');
  });

  test("the till's own clock is named where an issuer's signature proves it wrong", () => {
    const words = verdictWords(judgement({ code: 'proof-future', proofIatSeconds: now + 120 }, { tillLagSeconds: 480 }));
    expect(plain(words.headline)).toBe('Часы кассы отстают на 10 минут');
  });

  test('a till that never had lists is not told that it lost them', () => {
    expect(verdictWords(judgement({ code: 'trust-list-bad' }, { noLists: true })).headline).toBe('Касса ещё не получила списков');
  });
});

test.each([
  [1, '1 секунду'], [59, '59 секунд'], [61, '1 минуту'], [150, '3 минуты'], [3600, '1 час'], [7200, '2 часа'],
  [5 * 86_400, '5 дней'], [-600, '10 минут'],
])('%d seconds are «%s»', (seconds, words) => {
  expect(duration(seconds)).toBe(words);
});

test('what has just been made is not zero seconds old', () => {
  expect([age(3), age(125)]).toEqual(['только что', '2 минуты назад']);
});

test('each refusal of the server has words of its own, and an unknown one a way out', () => {
  const codes = [
    'op-number-reused', 'idempotency-conflict', 'amount-invalid', 'not-in-programme', 'unknown-mutation', 'malformed-args',
    'unknown-purchase', 'already-cancelled', 'cancel-too-late', 'other-outlet', 'card-not-issued-here', 'replayed', 'revoked', 'suspended',
    'expired', 'proof-stale', 'unknown-key', 'proof-bad', 'status-unknown', 'never-heard-of',
  ];
  const words = codes.map(rejectionWords);
  expect(new Set(words).size).toBe(codes.length);
  expect(rejectionWords('replayed')).toBe('Этот код уже принят. Кэшбэк не начислен.');
});
