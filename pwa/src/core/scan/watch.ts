// Whether pictures still come from a camera. A phone that slept, a call, another program: the stream stays open, nothing is told,
// and the last picture stands there for ever.
import { isSilent, type Camera } from './camera';

const LOOK_EVERY_MILLIS = 1_000;
/** A slow phone may take that long for its first picture. */
const PLAY_AGAIN_AFTER_MILLIS = 3_000;
const SILENT_AFTER_MILLIS = 6_000;

/** What the element shows, as far as the watch looks at it. */
type Screen = Pick<HTMLVideoElement, 'paused' | 'currentTime' | 'play'>;

/** Told once, with whether pictures have ever come. */
type OnSilent = (hadPictures: boolean) => void;

/** Looks whether pictures come; tries to play what stands still again, and tells when that does not help. */
export function pictureWatch(camera: Camera, screen: Screen, onSilent: OnSilent): (atMillis: number) => void {
  let shownSeconds = screen.currentTime;
  let hadPictures = false;
  let movedMillis: number | undefined;
  let isTold = false;
  return (atMillis) => {
    const isMoving = !isSilent(camera) && !screen.paused && screen.currentTime !== shownSeconds;
    shownSeconds = screen.currentTime;
    hadPictures ||= isMoving;
    movedMillis = isMoving ? atMillis : (movedMillis ?? atMillis);
    const stillForMillis = atMillis - movedMillis;
    if (stillForMillis >= SILENT_AFTER_MILLIS) {
      if (!isTold) onSilent(hadPictures);
      isTold = true;
    } else if (stillForMillis >= PLAY_AGAIN_AFTER_MILLIS) {
      screen.play().catch(() => undefined);
    }
  };
}

/** Watches while the page is in sight, until the returned function is called. */
export function watchPictures(camera: Camera, video: HTMLVideoElement, onSilent: OnSilent): () => void {
  let look = pictureWatch(camera, video, onSilent);
  const looking = setInterval(
    () => document.visibilityState === 'visible' && look(performance.now()),
    LOOK_EVERY_MILLIS,
  );
  const seen = () => {
    if (document.visibilityState !== 'visible') return;
    // Nothing moved while nobody looked; and iOS leaves the picture paused.
    look = pictureWatch(camera, video, onSilent);
    if (video.paused) video.play().catch(() => undefined);
  };
  document.addEventListener('visibilitychange', seen);
  return () => {
    clearInterval(looking);
    document.removeEventListener('visibilitychange', seen);
  };
}
