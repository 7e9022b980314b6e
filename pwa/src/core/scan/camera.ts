// One camera stream per visit (iOS asks again for each), which camera was chosen, and its torch and zoom.
// Decoding the picture is not done here.
import { keepChoice, readChoice } from '../local';
import { within } from '../within';
import { betterLens } from './lens';

export type CameraFailure = 'denied' | 'none' | 'busy' | 'unsupported';

export interface Camera {
  stream: MediaStream;
  deviceId: string | undefined;
  hasTorch: boolean;
  zoom: { min: number; max: number; step: number } | null;
}

export interface CameraChoice {
  deviceId: string;
  label: string;
}

// Not yet in the DOM's types, and only some Android cameras have them.
interface LampAndLens {
  torch?: boolean;
  zoom?: { min: number; max: number; step: number };
}

const CHOICE_KEY = 'scan.camera';
const CLOSED_WITHIN_MILLIS = 500;
const LISTED_WITHIN_MILLIS = 1_000;
const UNUSED_MILLIS = 5 * 60_000;

let opened: Promise<Camera> | null = null;
let unused: ReturnType<typeof setTimeout> | undefined;

/** The visit's stream: opened at the first call, shared by the later ones until the camera goes away. */
export function openCamera(): Promise<Camera> {
  clearTimeout(unused);
  if (opened) return opened;
  const forget = (): void => {
    if (opened === opening) opened = null;
  };
  const opening = start(readChoice(CHOICE_KEY));
  opening.then((camera) => whenLost(camera, forget), forget);
  opened = opening;
  return opening;
}

/** No screen shows it now. It stays open for the next card, and not for the night. */
export function leaveCamera(): void {
  clearTimeout(unused);
  unused = setTimeout(() => void closeCamera(), UNUSED_MILLIS);
}

/** Calls back when the camera is unplugged or taken away; not when it is closed here. */
export function whenLost({ stream }: Camera, run: () => void): () => void {
  const [track] = stream.getVideoTracks();
  track?.addEventListener('ended', run);
  return () => track?.removeEventListener('ended', run);
}

/** Whether the camera gives no pictures now, as after a phone slept or while a call has it. It may not say so by itself. */
export function isSilent({ stream }: Camera): boolean {
  const [track] = stream.getVideoTracks();
  return !track || track.muted || track.readyState === 'ended';
}

export async function switchCamera(deviceId: string): Promise<Camera> {
  keepChoice(CHOICE_KEY, deviceId);
  return reopenCamera();
}

/** Another stream of the same camera. An earlier opening that never ends does not hold it up. */
export async function reopenCamera(): Promise<Camera> {
  await within(CLOSED_WITHIN_MILLIS, 'camera', closeCamera()).catch(() => undefined);
  return openCamera();
}

export async function closeCamera(): Promise<void> {
  const closing = opened;
  opened = null;
  const camera = await closing?.catch(() => null);
  camera?.stream.getTracks().forEach((track) => track.stop());
}

/** Labels are there only once the person has allowed a camera. */
export async function listCameras(): Promise<CameraChoice[]> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter((device) => device.kind === 'videoinput').map(({ deviceId, label }) => ({ deviceId, label }));
}

/** As the device has them now: another screen of this visit may have changed them. */
export function settingsOf({ stream, zoom }: Camera): { torch: boolean; zoom: number } {
  const settings = (stream.getVideoTracks()[0]?.getSettings() ?? {}) as { torch?: boolean; zoom?: number };
  return { torch: settings.torch === true, zoom: settings.zoom ?? zoom?.min ?? 1 };
}

export async function setTorch({ stream }: Camera, torch: boolean): Promise<void> {
  await adjust(stream, { torch });
}

export async function setZoom({ stream }: Camera, zoom: number): Promise<void> {
  await adjust(stream, { zoom });
}

/** By the name alone: WebKit's OverconstrainedError is no DOMException. */
export function cameraFailure(cause: unknown): CameraFailure {
  const name = (cause as { name?: unknown } | null)?.name;
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied';
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'none';
  return name === 'NotReadableError' || name === 'AbortError' ? 'busy' : 'unsupported';
}

async function start(chosen: string | null): Promise<Camera> {
  if (!navigator.mediaDevices?.getUserMedia) throw new DOMException('no camera here', 'NotSupportedError');
  const stream = chosen ? await openChosen(chosen) : await openBest();
  const track = stream.getVideoTracks()[0];
  const abilities = (track?.getCapabilities?.() ?? {}) as LampAndLens;
  const { zoom } = abilities;
  return {
    stream,
    deviceId: track?.getSettings().deviceId,
    hasTorch: abilities.torch === true,
    zoom: zoom && zoom.max > zoom.min ? zoom : null,
  };
}

async function openChosen(deviceId: string): Promise<MediaStream> {
  try {
    return await getStream({ deviceId: { exact: deviceId } });
  } catch (cause) {
    // The camera that was chosen last time is not plugged in.
    if (cameraFailure(cause) === 'none') return openBest();
    throw cause;
  }
}

/** Which lens it is can be seen only once one is open. */
async function openBest(): Promise<MediaStream> {
  const stream = await getStream({ facingMode: 'environment' });
  const label = stream.getVideoTracks()[0]?.label ?? '';
  const better = betterLens(label, await within(LISTED_WITHIN_MILLIS, 'cameras', listCameras()).catch(() => []));
  if (!better) return stream;
  stream.getTracks().forEach((track) => track.stop());
  return getStream({ deviceId: { exact: better.deviceId } }).catch(() => getStream({ facingMode: 'environment' }));
}

function getStream(which: MediaTrackConstraints): Promise<MediaStream> {
  const video = { ...which, width: { ideal: 1280 }, height: { ideal: 720 } };
  return navigator.mediaDevices.getUserMedia({ video, audio: false });
}

async function adjust(stream: MediaStream, setting: { torch?: boolean; zoom?: number }): Promise<void> {
  await stream.getVideoTracks()[0]?.applyConstraints({ advanced: [setting as MediaTrackConstraintSet] });
}
