// The till's operations as a file: for the partner, when something cannot be settled here.
import { moscowDay } from '../../core/clock';
import { readOutbox } from '../../sync/outbox';
import type { Till } from './tillApi';
import { tillNowSeconds } from './time';

export async function saveOperations(till: Till | null): Promise<void> {
  const nowSeconds = tillNowSeconds();
  const operations = await readOutbox('till');
  const content = JSON.stringify({ exportedAtSeconds: nowSeconds, till, operations }, null, 2);
  const url = URL.createObjectURL(new Blob([content], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `profcards-till-${till?.terminalNumber ?? 'unpaired'}-${moscowDay(nowSeconds)}.json`;
  link.click();
  URL.revokeObjectURL(url);
}
