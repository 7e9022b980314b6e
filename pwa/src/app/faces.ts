/** The face that owns a path. */

type Face = 'chooser' | 'member' | 'cashier' | 'chair';

const faceByFirstSegment: Record<string, Face> = {
  card: 'member',
  activate: 'member',
  lost: 'member',
  scan: 'cashier',
  chair: 'chair',
};

/** The segments with which the app's paths begin. */
export const SEGMENTS = Object.keys(faceByFirstSegment);

/** The key under which the device keeps which of the working faces it was used for last. */
export const WORK_FACE_KEY = 'work-face';

export function faceOf(path: string): Face {
  return faceByFirstSegment[path.split('/')[1] ?? ''] ?? 'chooser';
}
