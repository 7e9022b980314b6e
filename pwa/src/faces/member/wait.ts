import { m } from '../../messages/generated/messages.js';

/** «3 дня» as it follows «через»; hours where they are no whole days. */
export function waitWords(hours: number): string {
  return hours % 24 === 0 ? m.activate_wait_days({ count: hours / 24 }) : m.activate_wait_hours({ count: hours });
}
