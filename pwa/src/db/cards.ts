/** The member's card and the key that proves it, as this phone holds them. */
import { inStore } from './open';
import type { DeviceKey, HeldCard } from './schema';

export async function holdsCard(): Promise<boolean> {
  return (await inStore((db) => db.count('cards'))) > 0;
}

export async function readCard(): Promise<{ card: HeldCard; key: DeviceKey } | undefined> {
  const [card, key] = await inStore((db) => {
    const tx = db.transaction(['cards', 'keys']);
    return Promise.all([tx.objectStore('cards').get('me'), tx.objectStore('keys').get('device')]);
  });
  return card && key ? { card, key } : undefined;
}

export async function saveCard(card: HeldCard): Promise<void> {
  await inStore((db) => db.put('cards', card));
}
