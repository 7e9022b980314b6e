import 'fake-indexeddb/auto';
import { expect, test } from 'vitest';
import type { SyncStatus } from '../../sync/engine';
import { notePhoneEnd, readPhoneEnd } from './phoneEnd';

const ended = (problem: string) => ({ session: 'ended', problem }) as SyncStatus;

test('a session that ended for no reason of the phone’s leaves the card', async () => {
  expect(await notePhoneEnd(ended('unauthenticated'))).toBeUndefined();
  expect(await readPhoneEnd()).toBeUndefined();
});

test('whoever revoked the cards, the phone shows none, also at its next start', async () => {
  expect(await notePhoneEnd(ended('cards-revoked'))).toMatchObject({ code: 'cards-revoked' });
  expect(await readPhoneEnd()).toMatchObject({ code: 'cards-revoked' });
});
