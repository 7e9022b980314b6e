/** Which face owns a path. */

type Face = 'chooser' | 'member' | 'cashier' | 'chair';

const faceByFirstSegment: Record<string, Face> = {
  card: 'member',
  activate: 'member',
  lost: 'member',
  scan: 'cashier',
  chair: 'chair',
};

/** What a path of the app begins with. */
export const SEGMENTS = Object.keys(faceByFirstSegment);

export function faceOf(path: string): Face {
  return faceByFirstSegment[path.split('/')[1] ?? ''] ?? 'chooser';
}
