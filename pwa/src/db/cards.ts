/** The member's card and the key that proves it, as this phone holds them. */
import { database } from './open';
import type { DeviceKey, HeldCard } from './schema';

export async function holdsCard(): Promise<boolean> {
  return (await (await database()).count('cards')) > 0;
}

export async function readCard(): Promise<{ card: HeldCard; key: DeviceKey } | undefined> {
  const tx = (await database()).transaction(['cards', 'keys']);
  const [card, key] = await Promise.all([
    tx.objectStore('cards').get('me'),
    tx.objectStore('keys').get('device'),
  ]);
  return card && key ? { card, key } : undefined;
}

export async function saveCard(card: HeldCard): Promise<void> {
  await (await database()).put('cards', card);
}
