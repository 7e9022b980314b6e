import { describe, expect, it } from 'vitest';
import { ago, calendarDate, cardNumber, dayHere, money, monthOf, percent, shortName } from './format';

const plain = (text: string) => text.replaceAll('\u00a0', '·');

describe('money', () => {
  it('groups thousands and keeps the line whole', () => {
    expect(plain(money(123450))).toBe('1·234,50·₽');
    expect(plain(money(5))).toBe('0,05·₽');
    expect(plain(money(123456789012))).toBe('1·234·567·890,12·₽');
  });
  it('signs and shortens where asked', () => {
    expect(plain(money(-4500))).toBe('\u221245,00·₽');
    expect(plain(money(4500, { signed: true, short: true }))).toBe('+45·₽');
    expect(plain(money(4550, { short: true }))).toBe('45,50·₽');
  });
  it('refuses what is not whole kopecks', () => {
    expect(() => money(0.5)).toThrow(RangeError);
  });
});

describe('dates', () => {
  it('writes a calendar date in words, the same in every time zone', () => {
    expect(plain(calendarDate('2026-11-22'))).toBe('22·ноября·2026');
    expect(plain(monthOf('2015-09-01'))).toBe('сентября·2015');
  });
  it('says how long ago, with Russian plurals', () => {
    expect(ago(1_000_000 - 180, 1_000_000)).toBe('3 минуты назад');
    expect(ago(1_000_000 - 300, 1_000_000)).toBe('5 минут назад');
    expect(ago(1_000_000 - 86_400, 1_000_000)).toBe('вчера');
    expect(ago(1_000_000 - 20, 1_000_000)).toBe('сейчас');
  });
  it('is today in Kamchatka before it is in Moscow, and nowhere later', () => {
    const before = process.env.TZ;
    const evening = Date.UTC(2026, 10, 22, 13) / 1000;
    const days = ['Europe/Moscow', 'Asia/Kamchatka', 'Pacific/Kiritimati', 'Europe/Kaliningrad'].map((zone) => {
      process.env.TZ = zone;
      return [dayHere(evening), dayHere(evening - 3600 * 2)];
    });
    process.env.TZ = before;
    expect(days).toEqual([
      ['2026-11-22', '2026-11-22'],
      ['2026-11-23', '2026-11-22'],
      ['2026-11-23', '2026-11-22'],
      ['2026-11-22', '2026-11-22'],
    ]);
  });
});

describe('numbers', () => {
  it('groups a membership number by four', () => {
    expect(plain(cardNumber('480123456786'))).toBe('4801·2345·6786');
  });
  it('shortens a name to what a cashier sees', () => {
    expect(plain(shortName('Иванова Мария Петровна'))).toBe('Иванова·М.·П.');
    expect(plain(shortName('Ким Ирина'))).toBe('Ким·И.');
  });
  it('writes basis points as a percentage', () => {
    expect(plain(percent(300))).toBe('3·%');
    expect(plain(percent(250))).toBe('2,5·%');
  });
});
