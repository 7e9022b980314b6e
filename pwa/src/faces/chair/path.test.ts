import { describe, expect, test } from 'vitest';
import { homePath, peoplePath, personPath, screenOf, viewOf } from './path';

const id = '0b9c2f6e-4a7d-4c1e-9f00-3d5b8a6c7e21';

describe('the address of a screen', () => {
  test.each([
    ['/chair', { name: 'home' }],
    ['/chair/', { name: 'home' }],
    ['/chair/people', { name: 'people' }],
    ['/chair/people/new', { name: 'new' }],
    ['/chair/more', { name: 'more' }],
    [`/chair/people/${id}`, { name: 'person', memberId: id }],
    [`/chair/people/${id}/sheet`, { name: 'sheet', memberId: id }],
    ['/chair/people/12', { name: 'unknown' }],
    [`/chair/people/${id}/edit`, { name: 'edit', memberId: id }],
    [`/chair/people/${id}/transfer`, { name: 'transfer', memberId: id }],
    [`/chair/people/${id}/other`, { name: 'unknown' }],
    ['/chair/people/print', { name: 'print' }],
    [`/chair/people/${id}/sheet/more`, { name: 'unknown' }],
    ['/chair/reports', { name: 'unknown' }],
  ])('%s', (path, screen) => {
    expect(screenOf(path)).toEqual(screen);
  });

  test('a view survives the way through an address', () => {
    const view = { organisationId: 7, query: 'Соловьёва 4801', filter: 'no-phone-card' as const, to: 12 };
    expect(viewOf(new URL(peoplePath(view), 'http://x').search)).toEqual(view);
    expect(new URL(personPath(id, view), 'http://x').pathname).toBe(`/chair/people/${id}`);
  });

  test('what says nothing is left out, and nonsense is not believed', () => {
    expect(homePath({ filter: 'all', query: '' })).toBe('/chair');
    expect(viewOf('?org=-3&filter=everyone&to=x')).toEqual({
      organisationId: undefined,
      query: undefined,
      filter: undefined,
      to: undefined,
    });
  });
});
