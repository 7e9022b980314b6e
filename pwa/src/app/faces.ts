/** Which face owns a path. */

export type Face = 'chooser' | 'member' | 'cashier' | 'chair';

const faceByFirstSegment: Record<string, Face> = {
  card: 'member',
  activate: 'member',
  lost: 'member',
  scan: 'cashier',
  chair: 'chair',
};

export function faceOf(path: string): Face {
  return faceByFirstSegment[path.split('/')[1] ?? ''] ?? 'chooser';
}
