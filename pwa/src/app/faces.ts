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

/** Where the device keeps which of the working faces it was used for last. */
export const WORK_FACE_KEY = 'work-face';

export function faceOf(path: string): Face {
  return faceByFirstSegment[path.split('/')[1] ?? ''] ?? 'chooser';
}
