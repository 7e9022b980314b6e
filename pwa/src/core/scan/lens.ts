// Which of a phone's lenses reads codes. The browser may hand out one that sees the whole counter and no code.
import type { CameraChoice } from './camera';

/** iOS names its lenses in the phone's language. */
const ULTRA_WIDE = /ultra|сверхширок/i;
const BACK = /back|rear|environment|задн|тыл/i;
/** Chrome on Android names no lens; of those that face back the one with the lowest number is the main one. */
const NUMBERED = /camera2? (\d+), facing back/i;

/** A lens that is better than the one that was handed out; none where that one does, or nothing is known. */
export function betterLens(handedOut: string, cameras: readonly CameraChoice[]): CameraChoice | undefined {
  const number = numberOf(handedOut);
  if (number !== undefined) {
    const [main] = cameras
      .filter(({ label }) => numberOf(label) !== undefined)
      .sort((a, b) => numberOf(a.label)! - numberOf(b.label)!);
    return main && numberOf(main.label)! < number ? main : undefined;
  }
  if (!ULTRA_WIDE.test(handedOut)) return undefined;
  return cameras.find(({ label }) => BACK.test(label) && !ULTRA_WIDE.test(label));
}

function numberOf(label: string): number | undefined {
  const [, digits] = NUMBERED.exec(label) ?? [];
  return digits === undefined ? undefined : Number(digits);
}
