// The till's operations as a file: for the partner, when something cannot be settled here.
import { moscowDay } from '../../core/clock';
import { hasAppStorageApart } from '../../core/installed';
import { readOutbox } from '../../sync/outbox';
import type { Till } from './tillApi';
import { tillNowSeconds } from './time';

/** WebKit reads a download's address after the click is over. */
const READ_WITHIN_MILLIS = 60_000;

export async function saveOperations(till: Till | null): Promise<void> {
  const nowSeconds = tillNowSeconds();
  const operations = await readOutbox('till');
  const content = JSON.stringify({ exportedAtSeconds: nowSeconds, till, operations }, null, 2);
  const name = `profcards-till-${till?.terminalNumber ?? 'unpaired'}-${moscowDay(nowSeconds)}.json`;
  await handOver(new File([content], name, { type: 'application/json' }));
}

/** An iPhone's home-screen app has nowhere to download to: there the system's own sheet saves or sends it. */
async function handOver(file: File): Promise<void> {
  const shared = { files: [file] };
  if (hasAppStorageApart() && navigator.canShare?.(shared)) {
    try {
      return await navigator.share(shared);
    } catch (cause) {
      // Whoever closed the sheet wants no file.
      if ((cause as Error).name === 'AbortError') return;
    }
  }
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), READ_WITHIN_MILLIS);
}
