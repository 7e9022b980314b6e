/** The till's own numbers of its operations: the server takes each of them once. */
import type { OutboxTransaction } from './outbox';

export const OP_NO_KEY = 'till-op-no';

/** The next number, taken in the transaction of the operation that has it. */
export async function nextOpNo(tx: OutboxTransaction): Promise<number> {
  const meta = tx.objectStore('meta');
  const opNo = Number((await meta.get(OP_NO_KEY))?.value ?? 0) + 1;
  await meta.put({ key: OP_NO_KEY, value: opNo });
  return opNo;
}

/** On from the newest number that the server knows: an installation that was put back to an earlier state has used it before. */
export async function raiseOpNo(tx: OutboxTransaction, lastOpNo: number): Promise<void> {
  const meta = tx.objectStore('meta');
  const kept = Number((await meta.get(OP_NO_KEY))?.value ?? 0);
  if (lastOpNo > kept) await meta.put({ key: OP_NO_KEY, value: lastOpNo });
}
