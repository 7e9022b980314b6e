// The faces' tables as they stand. That a screen's file is there, the build sees.
import { describe, expect, test, vi } from 'vitest';
import { faceOf } from '../app/faces';
import * as cashier from './cashier/routes';
import { PATHS as chairPaths } from './chair/path';
import { routes as chairRoutes } from './chair/routes';
import * as member from './member/routes';

vi.mock('./chair/organisation/Home.svelte', () => ({ default: undefined }));
vi.mock('./member/CardScreen.svelte', () => ({ default: undefined }));

interface Row {
  parent?: string;
  nav?: string;
}
const faces: [string, Record<string, string>, Record<string, Row>][] = [
  ['chair', chairPaths, chairRoutes],
  ['member', member.PATHS, member.routes as Record<string, Row>],
  ['cashier', cashier.PATHS, cashier.routes as Record<string, Row>],
];

describe.each(faces)('the %s', (face, paths, routes) => {
  test('has its own paths', () => {
    expect(Object.keys(routes).length).toBeGreaterThan(1);
    for (const [name, path] of Object.entries(paths)) expect([name, faceOf(path)]).toEqual([name, face]);
  });

  test('leads back to a screen that has its place in the bar', () => {
    for (const [name, { parent, nav }] of Object.entries(routes))
      if (parent && nav) expect([name, routes[parent]?.nav]).toEqual([name, expect.any(String)]);
  });
});

test('whatever the chair does with people is a part of them', () => {
  for (const name of ['people', 'new', 'person', 'edit', 'transfer', 'sheet', 'print'] as const)
    expect([name, chairRoutes[name].nav]).toEqual([name, 'people']);
});
