// Spans of time and days in words.
import { dateOf } from '../../core/format';
import { m } from '../../messages/generated/messages.js';

/** «4 минуты» as it follows «на» and goes before «назад»: the largest unit, rounded. */
export function duration(seconds: number): string {
  const magnitude = Math.abs(seconds);
  if (magnitude < 60) return m.cashier_span_seconds({ count: Math.round(magnitude) });
  if (magnitude < 3600) return m.cashier_span_minutes({ count: Math.round(magnitude / 60) });
  if (magnitude < 48 * 3600) return m.cashier_span_hours({ count: Math.round(magnitude / 3600) });
  return m.cashier_span_days({ count: Math.round(magnitude / 86_400) });
}

export function age(seconds: number): string {
  return seconds < 60 ? m.cashier_span_just_now() : m.cashier_span_ago({ time: duration(seconds) });
}

/** «19 ноября», with the year where it is not this one. */
export function dayOf(seconds: number, nowSeconds: number): string {
  const day = dateOf(seconds);
  const year = String(new Date(nowSeconds * 1000).getFullYear());
  return day.endsWith(year) ? day.slice(0, -year.length).trim() : day;
}
