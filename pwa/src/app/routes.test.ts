import { expect, test, vi } from 'vitest';
import { fetchScreens, matchPath } from './routes';

const paths = { all: '/things', made: '/things/new', one: '/things/:id', part: '/things/:id/part' };
const id = '0b9c2f6e-4a7d-4c1e-9f00-3d5b8a6c7e21';

test.each([
  ['/things', { name: 'all', id: undefined }],
  ['/things//', { name: 'all', id: undefined }],
  ['/things/new', { name: 'made', id: undefined }],
  [`/things/${id}`, { name: 'one', id }],
  [`/things/${id}/part`, { name: 'part', id }],
  ['/things/12', undefined],
  [`/things/${id}/part/of`, undefined],
  ['/', undefined],
])('the address %s', (address, found) => {
  expect(matchPath(paths, address)).toEqual(found);
});

test('a screen that cannot be fetched beforehand is no trouble yet', async () => {
  const load = vi.fn(() => Promise.reject(new TypeError('no network')));
  fetchScreens([{ load }]);
  await Promise.resolve();
  expect(load).toHaveBeenCalledTimes(1);
});
