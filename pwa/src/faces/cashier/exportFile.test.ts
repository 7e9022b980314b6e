import 'fake-indexeddb/auto';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { addToOutbox } from '../../sync/outbox';
import { saveOperations } from './exportFile';
import type { Till } from './tillApi';

beforeEach(() => void vi.stubGlobal('navigator', { userAgent: 'X11', maxTouchPoints: 0 }));
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

test('the file’s address is good for as long as a browser may read it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  vi.stubGlobal('document', { createElement: () => ({ click: () => undefined }) });
  const revoke = vi.spyOn(URL, 'revokeObjectURL');
  await saveOperations(null);
  await vi.advanceTimersByTimeAsync(59_000);
  expect(revoke).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(revoke).toHaveBeenCalledTimes(1);
});

test.each(['AbortError', 'NotAllowedError'])('an iPhone’s own sheet takes the file; it ends with %s', async (name) => {
  const share = vi.fn(() => Promise.reject(new DOMException('', name)));
  const click = vi.fn();
  vi.stubGlobal('navigator', { userAgent: 'iPhone', canShare: () => true, share });
  vi.stubGlobal('document', { createElement: () => ({ click }) });
  await saveOperations(null);
  expect(share).toHaveBeenCalledWith({ files: [expect.any(File)] });
  expect(click).toHaveBeenCalledTimes(name === 'AbortError' ? 0 : 1);
});

test('the file names the till and its operations', async () => {
  const till: Till = {
    terminalId: 't',
    terminalNumber: 7,
    outletId: 'o',
    partnerName: 'P',
    outletName: 'O',
    outletAddress: null,
    offer: null,
    lastOpNo: 1,
    redemption: null,
    pairedAt: 0,
  };
  const link = { click: vi.fn(), href: '', download: '' };
  vi.stubGlobal('document', { createElement: () => link });
  const makeUrl = vi.spyOn(URL, 'createObjectURL');
  await addToOutbox('till', { name: 'purchase.record', args: { opNo: 1, amountKopecks: 100 } });
  await saveOperations(till);

  const content = await (makeUrl.mock.calls[0]![0] as Blob).text();
  expect(JSON.parse(content)).toMatchObject({
    till: { terminalNumber: 7 },
    operations: [{ args: { amountKopecks: 100 } }],
  });
  expect([link.click.mock.calls.length, link.download]).toEqual([1, expect.stringContaining('profcards-till-7-')]);
});
