import 'fake-indexeddb/auto';
import { expect, test, vi } from 'vitest';
import { addToOutbox } from '../../sync/outbox';
import { saveOperations } from './exportFile';
import type { Till } from './tillApi';

test('the file names the till and its operations', async () => {
  const till: Till = {
    terminalId: 't', terminalNumber: 7, outletId: 'o', partnerName: 'P', outletName: 'O', outletAddress: null, offer: null,
    lastOpNo: 1, redemption: null, pairedAt: 0,
  };
  const link = { click: vi.fn(), href: '', download: '' };
  vi.stubGlobal('document', { createElement: () => link });
  const makeUrl = vi.spyOn(URL, 'createObjectURL');
  await addToOutbox('till', { name: 'purchase.record', args: { opNo: 1, amountKopecks: 100 } });
  await saveOperations(till);

  const content = await (makeUrl.mock.calls[0]![0] as Blob).text();
  expect(JSON.parse(content)).toMatchObject({ till: { terminalNumber: 7 }, operations: [{ args: { amountKopecks: 100 } }] });
  expect([link.click.mock.calls.length, link.download]).toEqual([1, expect.stringContaining('profcards-till-7-')]);
});
