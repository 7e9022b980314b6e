/** The sync against a server double that stands at the network's edge only: `fetch` itself. */
import 'fake-indexeddb/auto';
import { IDBFactory, IDBIndex, IDBObjectStore, IDBRequest } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ProblemCode } from '../api/codes';
import type { Upsert } from '../api/types';
import type { MutationAnswer, PullAnswer } from './wire';

interface SentMutation {
  id: string;
  seq: number;
  name: string;
  args: unknown;
  at: number;
}

type Reply = Response | Error;

interface Server {
  aheadMillis: number;
  pushes: SentMutation[][];
  cursors: (string | null)[];
  /** Every address and body, as a proxy in front would see them. */
  said: string[];
  answer: (mutation: SentMutation) => Omit<MutationAnswer, 'id'>;
  refusePush: (mutations: SentMutation[]) => Reply | undefined;
  pull: (cursor: string | null) => Partial<PullAnswer> | Reply;
  /** The newest operation number that it knows; an older one does not say. */
  lastOpNo?: number;
}

let server: Server;

const problem = (status: number, code: string) =>
  new Response(JSON.stringify({ status, code }), { status, headers: { 'Content-Type': 'application/problem+json' } });

function freshServer(): Server {
  return {
    aheadMillis: 0,
    pushes: [],
    cursors: [],
    said: [],
    answer: () => ({ status: 'applied', result: { receipt: 'A-1' } }),
    refusePush: () => undefined,
    pull: () => ({}),
  };
}

async function serve(input: Request | string, init?: RequestInit): Promise<Response> {
  const url = new URL(typeof input === 'string' ? input : input.url, 'http://till.test');
  server.said.push(url.href, String(init?.body));
  if (url.pathname === '/api/sync/pull') return servePull(url.searchParams.get('cursor'));
  if (url.pathname === '/api/time') return Response.json({ unixMillis: Date.now() + server.aheadMillis });
  const { mutations } = JSON.parse(String(init?.body)) as { mutations: SentMutation[] };
  server.pushes.push(mutations);
  const refused = server.refusePush(mutations);
  if (refused) return settleReply(refused);
  const answers = mutations.map((mutation) => ({ id: mutation.id, ...server.answer(mutation) }));
  const serverTime = Math.floor(Date.now() / 1000);
  return Response.json({ answers, serverTime, lastOpNo: server.lastOpNo });
}

async function servePull(cursor: string | null): Promise<Response> {
  server.cursors.push(cursor);
  const reply = server.pull(cursor);
  if (reply instanceof Response || reply instanceof Error) return settleReply(reply);
  const empty = { upserts: [], tombstones: [], more: false, pending: false };
  return Response.json({ ...empty, cursor: 'c1', ...reply });
}

function settleReply(reply: Reply): Response {
  if (reply instanceof Error) throw reply;
  return reply;
}

beforeEach(() => {
  vi.resetModules();
  vi.stubGlobal('indexedDB', new IDBFactory());
  vi.stubGlobal('fetch', serve);
  server = freshServer();
});

afterEach(() => {
  vi.unstubAllGlobals();
});

async function load() {
  const { syncOf } = await import('./engine');
  const outbox = await import('./outbox');
  const entities = await import('../db/entities');
  return { sync: syncOf('till'), ...outbox, ...entities };
}

const purchase = (opNo: number) => ({ name: 'purchase.record', args: { opNo } });
const offline = () => new TypeError('Failed to fetch');

describe('the outbox', () => {
  it('sends in the order in which things were done and keeps the results', async () => {
    const { addToOutbox, readOutbox, sync } = await load();
    for (const opNo of [1, 2, 3]) await addToOutbox('till', purchase(opNo));
    await sync.now();
    expect(server.pushes.flat().map(({ seq }) => seq)).toEqual([1, 2, 3]);
    const rows = await readOutbox('till');
    expect(rows.map(({ state }) => state)).toEqual(['applied', 'applied', 'applied']);
    expect(rows[0]?.result).toEqual({ receipt: 'A-1' });
    expect(sync.get()).toMatchObject({ queued: 0, problem: null, session: 'open' });
  });

  it('numbers rows without gap or repeat when they are added at once', async () => {
    const { addToOutbox } = await load();
    const rows = await Promise.all([1, 2, 3, 4].map((opNo) => addToOutbox('till', purchase(opNo))));
    expect(rows.map(({ seq }) => seq).sort()).toEqual([1, 2, 3, 4]);
  });

  it('sends at most a hundred at a time, until it is empty', async () => {
    const { addToOutbox, sync } = await load();
    for (let opNo = 1; opNo <= 130; opNo += 1) await addToOutbox('till', purchase(opNo));
    await sync.now();
    expect(server.pushes.map((push) => push.length)).toEqual([100, 30]);
    expect(sync.get().queued).toBe(0);
  });

  it.each([
    ['no network', () => offline(), 'network', 'unknown'],
    ['a session that ended', () => problem(401, 'unauthenticated'), 'unauthenticated', 'ended'],
    ['a schema that is too old', () => problem(409, 'schema-too-old'), 'schema-too-old', 'unknown'],
    ['a server in trouble', () => problem(503, 'unavailable'), 'unavailable', 'unknown'],
    ['an answer that makes no sense', () => Response.json({ ok: true }), 'unavailable', 'unknown'],
  ])('loses nothing on %s, and sends the same rows later', async (_, reply, code, session) => {
    const { addToOutbox, readOutbox, sync } = await load();
    const row = await addToOutbox('till', purchase(1));
    server.refusePush = reply;
    expect(await sync.now()).toMatchObject({ problem: code, session, queued: 1 });

    server.refusePush = () => undefined;
    expect(await sync.now()).toMatchObject({ problem: null, session: 'open', queued: 0 });
    expect(server.pushes.map(([sent]) => sent?.id)).toEqual([row.id, row.id]);
    expect((await readOutbox('till'))[0]?.state).toBe('applied');
  });

  it('keeps a refused row with its reason and lets the others through', async () => {
    const { addToOutbox, readOutbox, sync } = await load();
    for (const opNo of [1, 2, 3]) await addToOutbox('till', purchase(opNo));
    server.answer = ({ seq }) =>
      seq === 2 ? { status: 'rejected', code: 'amount-invalid', detail: 'negative' } : { status: 'applied' };
    await sync.now();
    expect(sync.get()).toMatchObject({ queued: 0, rejected: 1 });
    expect((await readOutbox('till'))[1]).toMatchObject({
      state: 'rejected',
      code: 'amount-invalid',
      detail: 'negative',
      args: { opNo: 2 },
    });
  });

  it('stops at "retry" without hammering and tries again in the next round', async () => {
    const { addToOutbox, readOutbox, sync } = await load();
    await addToOutbox('till', purchase(1));
    server.answer = () => ({ status: 'retry' });
    await sync.now();
    expect(server.pushes).toHaveLength(1);
    expect((await readOutbox('till'))[0]).toMatchObject({ state: 'queued', attempts: 1 });
    server.answer = () => ({ status: 'duplicate', result: { receipt: 'A-9' } });
    await sync.now();
    expect((await readOutbox('till'))[0]).toMatchObject({
      state: 'applied',
      result: { receipt: 'A-9' },
    });
  });

  describe('on a till that was put back to an earlier state', () => {
    const opNos = (sent: SentMutation[] = []) => sent.map(({ args }) => (args as { opNo: number }).opNo);

    beforeEach(() => {
      server.lastOpNo = 20;
      server.answer = ({ args }) => {
        const { opNo } = args as { opNo: number };
        if (opNo <= 20) return { status: 'rejected', code: 'op-number-reused' };
        server.lastOpNo = Math.max(server.lastOpNo ?? 0, opNo);
        return { status: 'applied' };
      };
    });

    it('sends what has a used number under a new one, as the same operation', async () => {
      const { addToOutbox, readOutbox, sync } = await load();
      const rows = [await addToOutbox('till', purchase(5)), await addToOutbox('till', purchase(6))];
      await sync.now();
      expect(server.pushes.map(opNos)).toEqual([
        [5, 6],
        [21, 22],
      ]);
      expect(server.pushes[1]?.map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
      expect((await readOutbox('till')).map(({ state }) => state)).toEqual(['applied', 'applied']);
    });

    it('leaves a redemption refused, since its digits were drawn for the number', async () => {
      const { addToOutbox, readOutbox, sync } = await load();
      await addToOutbox('till', { name: 'purchase.record', args: { opNo: 5, redeemKopecks: 100 } });
      await sync.now();
      expect((await readOutbox('till'))[0]).toMatchObject({
        state: 'rejected',
        code: 'op-number-reused',
        args: { opNo: 5 },
      });
    });

    it('does not guess where the server does not say its newest number', async () => {
      const { addToOutbox, readOutbox, sync } = await load();
      delete server.lastOpNo;
      server.answer = () => ({ status: 'rejected', code: 'op-number-reused' });
      await addToOutbox('till', purchase(5));
      await sync.now();
      expect(server.pushes).toHaveLength(1);
      expect((await readOutbox('till'))[0]).toMatchObject({ state: 'rejected', args: { opNo: 5 } });
    });
  });

  it('finds the one row for which a whole request is refused', async () => {
    const { addToOutbox, readOutbox, sync } = await load();
    for (const opNo of [1, 2, 3, 4, 5]) await addToOutbox('till', purchase(opNo));
    server.refusePush = (sent) => (sent.some(({ seq }) => seq === 4) ? problem(400, 'malformed-request') : undefined);
    await sync.now();
    const states = (await readOutbox('till')).map(({ state }) => state);
    expect(states).toEqual(['applied', 'applied', 'applied', 'rejected', 'applied']);
  });

  it('blames no row where the request itself is refused', async () => {
    const { addToOutbox, readOutbox, sync } = await load();
    for (const opNo of [1, 2, 3]) await addToOutbox('till', purchase(opNo));
    server.refusePush = () => problem(400, 'malformed-request');
    expect(await sync.now()).toMatchObject({ problem: 'malformed-request', queued: 3, rejected: 0 });
    expect(server.pushes.at(-1)).toEqual([]);

    server.refusePush = () => undefined;
    await sync.now();
    expect((await readOutbox('till')).map(({ state }) => state)).toEqual(['applied', 'applied', 'applied']);
  });

  it('tells the screen of what the server took, also when the rest of the round fails', async () => {
    const { addToOutbox, sync } = await load();
    let changes = 0;
    sync.onChange(() => (changes += 1));
    await addToOutbox('till', purchase(1));
    server.pull = offline;
    expect(await sync.now()).toMatchObject({ problem: 'network', queued: 0 });
    expect(changes).toBe(1);
  });

  describe('what an older server does not understand', () => {
    const cancel = (mutationId: string) => ({ name: 'purchase.cancel', args: { mutationId, opNo: 2 } });

    /** A server that knows a field, or a mutation, only after it was updated. */
    function refuse(code: ProblemCode): void {
      server.answer = ({ name }) => ({
        status: 'rejected',
        code: name === 'purchase.record' ? code : 'unknown-purchase',
      });
    }

    function update(): void {
      const booked = new Set<string>();
      server.answer = ({ id, name, args }) => {
        if (name === 'purchase.record') booked.add(id);
        else if (!booked.has((args as { mutationId: string }).mutationId))
          return { status: 'rejected', code: 'unknown-purchase' };
        return { status: 'applied', result: { receipt: 'A-1' } };
      };
    }

    it.each(['unknown-mutation', 'malformed-args'] as const)(
      'as %s it waits, with what takes it back, and goes by itself',
      async (code) => {
        const { addToOutbox, readOutbox, sync } = await load();
        const first = await addToOutbox('till', purchase(1));
        await addToOutbox('till', cancel(first.id));
        refuse(code);
        expect(await sync.now()).toMatchObject({ queued: 1, unread: 1, rejected: 0 });

        await addToOutbox('till', purchase(3));
        update();
        await sync.now();
        // Not before its time: nothing says that the server is another one.
        expect(server.pushes.at(-1)?.map(({ seq }) => seq)).toEqual([3]);

        vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 600_000);
        expect(await sync.now()).toMatchObject({ queued: 0, unread: 0, rejected: 0 });
        expect(server.pushes.slice(-2).map((sent) => sent.map(({ seq }) => seq))).toEqual([[1], [2]]);
        const rows = await readOutbox('till');
        expect(rows.map(({ state, code }) => [state, code])).toEqual([1, 2, 3].map(() => ['applied', undefined]));
        vi.restoreAllMocks();
      },
    );

    it('is tried as soon as the app is opened anew, and holds up nothing', async () => {
      const { addToOutbox, sync } = await load();
      for (let opNo = 1; opNo <= 120; opNo += 1) await addToOutbox('till', purchase(opNo));
      refuse('malformed-args');
      expect(await sync.now()).toMatchObject({ unread: 120 });

      vi.resetModules();
      const { addToOutbox: add, sync: reopened } = await load();
      await add('till', purchase(121));
      const pushesBefore = server.pushes.length;
      server.answer = ({ seq }) =>
        seq === 121 ? { status: 'applied' } : { status: 'rejected', code: 'malformed-args' };
      expect(await reopened.now()).toMatchObject({ queued: 0, unread: 120, problem: null });
      expect(server.pushes.slice(pushesBefore).map((sent) => sent[0]?.seq)).toEqual([121, 1, 101]);
    });

    it('is refused for good where somebody waited for the answer', async () => {
      const { addToOutbox, sync } = await load();
      await addToOutbox('till', { ...purchase(1), atOnce: true });
      refuse('malformed-args');
      expect(await sync.now()).toMatchObject({ queued: 0, unread: 0, rejected: 1 });
    });
  });

  it('forgets only what is settled', async () => {
    const { addToOutbox, forget, readOutbox, sync } = await load();
    const first = await addToOutbox('till', purchase(1));
    await sync.now();
    const second = await addToOutbox('till', purchase(2));
    await forget([first.id, second.id]);
    expect((await readOutbox('till')).map(({ id }) => id)).toEqual([second.id]);
  });

  it('sends what was added while a round was already under way', async () => {
    const { addToOutbox, sync } = await load();
    await addToOutbox('till', purchase(1));
    const round = sync.now();
    await sync.enqueue(purchase(2));
    await round;
    expect((await sync.now()).queued).toBe(0);
    expect(server.pushes.flat().map(({ seq }) => seq)).toEqual([1, 2]);
  });
});

describe('the pull', () => {
  const row = (id: string, state: string) => ({ entity: 'purchase', id, data: { id, state } }) as unknown as Upsert;
  const unknown = { entity: 'coupon', id: 'c', data: {} } as unknown as Upsert;

  it('follows the pages, removes what is gone and goes on from the cursor', async () => {
    const { readEntities, sync } = await load();
    server.pull = (cursor) =>
      cursor === null
        ? { upserts: [row('a', 'pending'), row('b', 'pending')], cursor: 'p1', more: true }
        : cursor === 'p1'
          ? { upserts: [row('a', 'available')], tombstones: [{ entity: 'purchase', id: 'b' }], cursor: 'p2' }
          : { cursor: 'p3' };
    await sync.now();
    expect(await readEntities('till', 'purchase')).toEqual([{ id: 'a', state: 'available' }]);
    await sync.now();
    expect(server.cursors).toEqual([null, 'p1', 'p2']);
  });

  it('passes over what only a newer server knows, and asks for it as soon as the app knows it', async () => {
    const { readEntities, sync } = await load();
    const { database } = await import('../db/open');
    server.pull = () => ({ upserts: [unknown, row('a', 'pending')], tombstones: [{ ...unknown }], cursor: 'p1' });
    await sync.now();
    expect(sync.get().problem).toBeNull();
    expect(await readEntities('till', 'purchase')).toHaveLength(1);
    expect(await (await database()).count('entities')).toBe(1);
    await sync.now();
    expect(server.cursors).toEqual([null, 'p1']);

    // The cursor of a version that knew less.
    await (await database()).put('meta', { key: 'cursor-known:till', value: 'purchase,till' });
    await sync.now();
    expect(server.cursors.at(-1)).toBeNull();
  });

  it('takes no row that lacks what its screens cannot do without', async () => {
    const { readEntities, sync } = await load();
    server.pull = () => ({
      upserts: [{ entity: 'purchase', id: 'a', data: { state: 'pending' } } as unknown as Upsert],
      cursor: 'p1',
    });
    await sync.now();
    expect(sync.get().problem).toBe('unavailable');
    expect(await readEntities('till', 'purchase')).toEqual([]);
    expect(server.cursors).toEqual([null]);
  });

  it('starts over without a gap: the old rows stay until the new ones are complete', async () => {
    const { addToOutbox, readEntities, readOutbox, sync } = await load();
    server.pull = () => ({ upserts: [row('old', 'available')], cursor: 'p1' });
    await sync.now();

    await addToOutbox('till', purchase(1));
    server.answer = () => ({ status: 'retry' });
    server.pull = (cursor) =>
      cursor === null
        ? { upserts: [row('new', 'pending')], cursor: 'n1', more: true }
        : cursor === 'n1'
          ? offline()
          : problem(409, 'sync-start-over');
    await sync.now();
    expect(sync.get().problem).toBe('network');
    expect(await readEntities('till', 'purchase')).toEqual([{ id: 'old', state: 'available' }]);

    server.pull = (cursor) =>
      cursor === 'p1' ? problem(409, 'sync-start-over') : { upserts: [row('new', 'pending')], cursor: 'n2' };
    await sync.now();
    expect(await readEntities('till', 'purchase')).toEqual([{ id: 'new', state: 'pending' }]);
    expect((await readOutbox('till')).map(({ state }) => state)).toEqual(['queued']);
  });

  it('tells the screen that there is something new, and only then', async () => {
    const { sync } = await load();
    let changes = 0;
    sync.onChange(() => (changes += 1));
    server.pull = () => ({ upserts: [row('a', 'pending')], cursor: 'p1' });
    await sync.now();
    expect(changes).toBe(1);
    server.pull = () => ({ cursor: 'p1' });
    await sync.now();
    expect(changes).toBe(1);
  });

  it('tells the screen of a page that was kept, also when the next one cannot be had', async () => {
    const { sync } = await load();
    server.pull = () => ({ cursor: 'p1' });
    await sync.now();
    let changes = 0;
    sync.onChange(() => (changes += 1));
    server.pull = (cursor) =>
      cursor === 'p1' ? { upserts: [row('a', 'pending')], cursor: 'p2', more: true } : offline();
    await sync.now();
    expect([changes, sync.get().problem]).toEqual([1, 'network']);
  });

  it.each([
    ['before sending', () => vi.spyOn(IDBIndex.prototype, 'getAll')],
    ['as the answers are written down', () => vi.spyOn(IDBObjectStore.prototype, 'put')],
  ])('a store that falls silent %s ends the round, and the next one opens it anew', async (_, spy) => {
    const { addToOutbox, readOutbox, sync } = await load();
    await addToOutbox('till', purchase(1));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const asleep = (spy() as ReturnType<typeof vi.spyOn>).mockImplementation(() => new IDBRequest());
    const round = sync.now();
    while (!asleep.mock.calls.length) await new Promise((wake) => setImmediate(wake));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await round).toMatchObject({ problem: 'device-silent', running: false, queued: 1 });
    asleep.mockRestore();
    vi.useRealTimers();
    expect(await sync.now()).toMatchObject({ problem: null, queued: 0 });
    expect((await readOutbox('till')).map(({ state }) => state)).toEqual(['applied']);
  });

  it('learns the time even when there is nothing to send', async () => {
    const { sync } = await load();
    const { clockOffsetSeconds } = await import('../core/clock');
    server.aheadMillis = 240_000;
    await sync.now();
    expect(clockOffsetSeconds()).toBe(240);
  });

  it('keeps the id by which a till is paired anew to itself', async () => {
    const { addToOutbox, sync } = await load();
    const { writeMeta } = await import('../db/open');
    const id = '5f1c4c1e-9d0e-4a53-8a7c-2f7d5f3f9a11';
    await writeMeta('client:till', id);
    await addToOutbox('till', purchase(1));
    await sync.now();
    expect(server.said).toContainEqual(expect.stringContaining('/api/sync/pull'));
    expect(server.said.join()).not.toContain(id);
  });

  it('keeps the two faces of one device apart', async () => {
    const { readEntities, sync } = await load();
    const { syncOf } = await import('./engine');
    const { forgetPulled } = await import('./pull');
    server.pull = () => ({ upserts: [row('a', 'pending')], cursor: 'p1' });
    await sync.now();
    await syncOf('member').now();
    await forgetPulled('member');
    expect(await readEntities('member', 'purchase')).toEqual([]);
    expect(await readEntities('till', 'purchase')).toHaveLength(1);
  });
});
