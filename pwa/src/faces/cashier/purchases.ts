// Purchases and their cancellations as this till made them: put down with their number, read back as operations.
import type { ProblemCode } from '../../api/codes';
import type { EntityData } from '../../api/types';
import { readToken } from '../../core/card/read';
import { inStore, readMeta, writeMeta } from '../../db/open';
import type { OutboxRow } from '../../db/schema';
import { syncOf } from '../../sync/engine';
import { nextOpNo, OP_NO_KEY, raiseOpNo } from '../../sync/opNumbers';
import { forget, isUnread, OUTBOX_STORES, type OutboxTransaction } from '../../sync/outbox';
import { tillNowSeconds } from './time';

const OUTLET_KEY = 'till-outlet';

export interface Operation {
  id: string;
  opNo: number;
  kind: 'purchase' | 'cancel';
  state: 'queued' | 'pending' | 'held' | 'available' | 'cancelled' | 'cancelling' | 'unread' | 'rejected';
  code: ProblemCode | null;
  /** The figures of a refusal. */
  detail: unknown;
  atSeconds: number;
  amountKopecks: number;
  /** The part of the amount that bonuses pay. */
  redeemKopecks: number;
  accrualKopecks: number | null;
  receipt: string | null;
  shownName: string | null;
}

/** A purchase as its till is told it in a pull; one that an earlier version of the app has kept may lack what was redeemed. */
export type PulledPurchase = Pick<
  EntityData['purchase'],
  'id' | 'receipt' | 'amountKopecks' | 'accrualKopecks' | 'eventAt'
> &
  Partial<Pick<EntityData['purchase'], 'redeemKopecks'>> & {
    mutationId: string;
    state: 'pending' | 'held' | 'available' | 'cancelled';
  };

interface RecordArgs {
  token?: string;
  lookupId?: string;
  amountKopecks: number;
  redeemKopecks?: number;
  opNo: number;
}

interface CancelArgs {
  mutationId: string;
  opNo: number;
}

interface RecordResult {
  receipt?: string;
  accrualKopecks?: number;
  shownName?: string;
}

export type Showing =
  /** Dated by the moment of the verdict: a code lives for less than an amount may take to type. */
  { token: string; proofId: string | null; verdictAtSeconds: number } | { lookupId: string };

/** What is redeemed, and the number of the operation whose digits the member has typed. */
export interface Redemption {
  redeemKopecks: number;
  opNo: number;
}

/** Another operation has taken the number since: its digits are used up. */
export class DigitsUsed extends Error {}

/** The row, its operation number and the spent proof are one write: none of them is ever there alone. */
export function recordPurchase(showing: Showing, amountKopecks: number, redemption?: Redemption): Promise<OutboxRow> {
  const shownBy = 'token' in showing ? { token: showing.token } : { lookupId: showing.lookupId };
  const proofId = 'token' in showing ? showing.proofId : null;
  return syncOf('till').enqueue({
    name: 'purchase.record',
    args: { ...shownBy, amountKopecks, ...(redemption ? { redeemKopecks: redemption.redeemKopecks } : {}) },
    atSeconds: 'token' in showing ? showing.verdictAtSeconds : tillNowSeconds(),
    atOnce: redemption !== undefined,
    alongside: async (tx) => {
      if (proofId) await tx.objectStore('proofs').put({ id: proofId, atSeconds: tillNowSeconds() });
      const added = await operationContext(tx);
      if (redemption && redemption.opNo !== added.opNo) throw new DigitsUsed();
      return added;
    },
  });
}

export function cancelPurchase(mutationId: string): Promise<OutboxRow> {
  return syncOf('till').enqueue({
    name: 'purchase.cancel',
    args: { mutationId },
    atSeconds: tillNowSeconds(),
    alongside: operationContext,
  });
}

/**
 * The number of an operation, and the outlet at which it was made: the server books nothing for a shop to which the
 * till was moved later.
 */
async function operationContext(tx: OutboxTransaction): Promise<{ opNo: number; outletId?: unknown }> {
  const outletId = (await tx.objectStore('meta').get(OUTLET_KEY))?.value;
  return { opNo: await nextOpNo(tx), ...(outletId ? { outletId } : {}) };
}

export async function setOutlet(outletId: string): Promise<void> {
  await writeMeta(OUTLET_KEY, outletId);
}

/** The number that the next operation will have: digits are drawn for it alone. */
export async function comingOpNo(): Promise<number> {
  return ((await readMeta<number>(OP_NO_KEY)) ?? 0) + 1;
}

/** An installation that was put back to an earlier state goes on from the newest number that the server knows. */
export async function catchUpOpNo(lastOpNo: number): Promise<void> {
  // Nearly always there is nothing to write.
  if (lastOpNo < (await comingOpNo())) return;
  await inStore(async (db) => {
    const tx = db.transaction(OUTBOX_STORES, 'readwrite');
    await Promise.all([raiseOpNo(tx, lastOpNo), tx.done]);
  });
}

/**
 * The server's last number counts after an eviction; the till's own, while it still has its operations. Those of another
 * outlet were another till's.
 */
export function continueOpNo(lastOpNo: number): Promise<void> {
  return inStore(async (db) => {
    const tx = db.transaction(['outbox', 'meta'], 'readwrite');
    const outletId = (await tx.objectStore('meta').get(OUTLET_KEY))?.value;
    const kept = (await tx.objectStore('outbox').getAll())
      .filter(({ face }) => face === 'till')
      .map(({ args }) => args as { opNo: number; outletId?: unknown })
      .filter((args) => args.outletId === undefined || args.outletId === outletId);
    const value = kept.reduce((highest, { opNo }) => Math.max(highest, opNo), lastOpNo);
    await Promise.all([tx.objectStore('meta').put({ key: OP_NO_KEY, value }), tx.done]);
  });
}

/** All operations, newest first: the rows of this till, and what only the server still knows. */
export function operationsOf(rows: readonly OutboxRow[], pulled: readonly PulledPurchase[]): Operation[] {
  const byMutation = new Map(pulled.map((purchase) => [purchase.mutationId, purchase]));
  const records = rows.filter((row) => row.name === 'purchase.record');
  const cancels = rows.filter((row) => row.name === 'purchase.cancel');
  const cancelOf = new Map(cancels.map((row) => [(row.args as CancelArgs).mutationId, row]));
  const known = new Set(records.map((row) => row.id));
  const operations = [
    ...records.map((row) => purchaseOperation(row, byMutation.get(row.id), cancelOf.get(row.id))),
    ...cancels.filter((row) => row.state === 'rejected').map((row) => cancelOperation(row, records, byMutation)),
    ...pulled
      .filter((purchase) => !known.has(purchase.mutationId))
      .map((purchase) => pulledOperation(purchase, cancelOf)),
  ];
  return operations.sort((a, b) => b.atSeconds - a.atSeconds || b.opNo - a.opNo);
}

function purchaseOperation(
  row: OutboxRow,
  pulled: PulledPurchase | undefined,
  cancel: OutboxRow | undefined,
): Operation {
  const args = row.args as RecordArgs;
  const result = (row.result ?? {}) as RecordResult;
  return {
    id: row.id,
    opNo: args.opNo,
    kind: 'purchase',
    state: row.state === 'rejected' && !isUnread(row) ? 'rejected' : liveState(row, pulled, cancel),
    code: row.code ?? null,
    detail: row.detail,
    atSeconds: row.atSeconds,
    amountKopecks: args.amountKopecks,
    redeemKopecks: args.redeemKopecks ?? 0,
    accrualKopecks: result.accrualKopecks ?? pulled?.accrualKopecks ?? null,
    receipt: result.receipt ?? pulled?.receipt ?? null,
    shownName: result.shownName ?? shownNameOf(args.token),
  };
}

function liveState(
  row: OutboxRow,
  pulled: PulledPurchase | undefined,
  cancel: OutboxRow | undefined,
): Operation['state'] {
  if (pulled?.state === 'cancelled' || cancel?.state === 'applied') return 'cancelled';
  if (cancel?.state === 'queued') return 'cancelling';
  if (isUnread(row)) return 'unread';
  return row.state === 'queued' ? 'queued' : (pulled?.state ?? 'pending');
}

function cancelOperation(
  row: OutboxRow,
  records: readonly OutboxRow[],
  byMutation: ReadonlyMap<string, PulledPurchase>,
): Operation {
  const { mutationId, opNo } = row.args as CancelArgs;
  const record = records.find(({ id }) => id === mutationId)?.args as RecordArgs | undefined;
  return {
    id: row.id,
    opNo,
    kind: 'cancel',
    state: isUnread(row) ? 'unread' : 'rejected',
    code: row.code ?? null,
    detail: row.detail,
    atSeconds: row.atSeconds,
    amountKopecks: record?.amountKopecks ?? byMutation.get(mutationId)?.amountKopecks ?? 0,
    redeemKopecks: record?.redeemKopecks ?? byMutation.get(mutationId)?.redeemKopecks ?? 0,
    accrualKopecks: null,
    receipt: byMutation.get(mutationId)?.receipt ?? null,
    shownName: shownNameOf(record?.token),
  };
}

function pulledOperation(purchase: PulledPurchase, cancelOf: ReadonlyMap<string, OutboxRow>): Operation {
  const isCancelling = cancelOf.get(purchase.mutationId)?.state === 'queued' && purchase.state !== 'cancelled';
  return {
    id: purchase.mutationId,
    opNo: 0,
    kind: 'purchase',
    state: isCancelling ? 'cancelling' : purchase.state,
    code: null,
    detail: undefined,
    atSeconds: purchase.eventAt,
    amountKopecks: purchase.amountKopecks,
    redeemKopecks: purchase.redeemKopecks ?? 0,
    accrualKopecks: purchase.accrualKopecks,
    receipt: purchase.receipt,
    shownName: null,
  };
}

/** The short number on the receipt, as the server makes it: it is known before the server has heard of the purchase. */
export function receiptNumber(operation: Pick<Operation, 'receipt' | 'opNo'>, terminalNumber: number): string {
  return operation.receipt ?? `${terminalNumber}-${String(operation.opNo).padStart(4, '0')}`;
}

function shownNameOf(token: string | undefined): string | null {
  if (token === undefined) return null;
  const read = readToken(token);
  return typeof read === 'string' ? null : read.card.shown.name;
}

export interface Shift {
  count: number;
  totalKopecks: number;
}

const STANDING: readonly Operation['state'][] = ['queued', 'unread', 'pending', 'held', 'available'];

/** What was sold since midnight and stands: refused and cancelled purchases do not count. */
export function shiftOf(operations: readonly Operation[], sinceSeconds: number): Shift {
  const standing = operations.filter(
    ({ kind, state, atSeconds }) => kind === 'purchase' && atSeconds >= sinceSeconds && STANDING.includes(state),
  );
  return {
    count: standing.length,
    totalKopecks: standing.reduce((total, { amountKopecks }) => total + amountKopecks, 0),
  };
}

const SETTLED_KEPT_SECONDS = 35 * 24 * 3600;

/** A row that the server has applied is of no more use once its purchase is beyond any cancellation. */
export async function forgetOldSettled(rows: readonly OutboxRow[]): Promise<void> {
  const before = tillNowSeconds() - SETTLED_KEPT_SECONDS;
  await forget(rows.filter((row) => row.state === 'applied' && row.atSeconds < before).map((row) => row.id));
}
