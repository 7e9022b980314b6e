// What a verdict sounds and feels like: first its tone, then two notes of its code's own, so that whoever hears them daily knows
// why before looking. iOS has no vibration and some tills no loudspeaker: neither ever stands alone.
import { within } from '../../core/within';
import { CODES, type Code, type Tone } from './words';

interface Note {
  hertz: number;
  atSeconds: number;
  lastsSeconds: number;
  wave: OscillatorType;
}

const TONES: Record<Tone, Note[]> = {
  accepted: [
    { hertz: 880, atSeconds: 0, lastsSeconds: 0.09, wave: 'sine' },
    { hertz: 1320, atSeconds: 0.1, lastsSeconds: 0.16, wave: 'sine' },
  ],
  warning: [
    { hertz: 660, atSeconds: 0, lastsSeconds: 0.12, wave: 'triangle' },
    { hertz: 660, atSeconds: 0.2, lastsSeconds: 0.12, wave: 'triangle' },
  ],
  again: [
    { hertz: 494, atSeconds: 0, lastsSeconds: 0.12, wave: 'triangle' },
    { hertz: 392, atSeconds: 0.15, lastsSeconds: 0.2, wave: 'triangle' },
  ],
  refused: [{ hertz: 165, atSeconds: 0, lastsSeconds: 0.4, wave: 'square' }],
};

const VIBRATION_MILLIS: Record<Tone, number[]> = {
  accepted: [60],
  warning: [80, 80, 80],
  again: [80, 80, 160],
  refused: [350],
};

/** A pentatonic scale: any two of its notes go together. */
const SCALE_HERTZ = [523, 587, 659, 784, 880];
const MOTIF_AFTER_SECONDS = 0.1;
const MOTIF_NOTE_SECONDS = 0.08;

const LOUDNESS = 0.18;

let context: AudioContext | null = null;

const RESUMED_WITHIN_MILLIS = 1_000;

/**
 * Browsers let a page sound only after a touch: call this from one. An iPhone that was locked or took a call interrupts the sound;
 * what does not go on then is given up, and the next touch begins anew.
 */
export function allowSound(): void {
  if (typeof AudioContext === 'undefined' || context?.state === 'running') return;
  const own = (context ??= new AudioContext());
  const isOver = (): void => {
    if (own.state === 'running' || own !== context) return;
    context = null;
    void own.close().catch(() => undefined);
  };
  within(RESUMED_WITHIN_MILLIS, 'sound', own.resume()).then(isOver, isOver);
}

export function signal(code: Code, tone: Tone): void {
  navigator.vibrate?.(VIBRATION_MILLIS[tone]);
  if (context?.state !== 'running') return;
  for (const note of notesOf(code, tone)) play(context, note);
}

/** An accepted card needs no explaining: its tone is all. */
export function notesOf(code: Code, tone: Tone): Note[] {
  const notes = TONES[tone];
  return code === 'accepted' ? notes : [...notes, ...motifOf(code, endOf(notes) + MOTIF_AFTER_SECONDS)];
}

function motifOf(code: Code, fromSeconds: number): Note[] {
  const place = CODES.indexOf(code);
  const steps = [place % SCALE_HERTZ.length, Math.floor(place / SCALE_HERTZ.length) % SCALE_HERTZ.length];
  return steps.map((step, i) => ({
    hertz: SCALE_HERTZ[step]!,
    atSeconds: fromSeconds + i * MOTIF_NOTE_SECONDS * 1.4,
    lastsSeconds: MOTIF_NOTE_SECONDS,
    wave: 'sine',
  }));
}

function endOf(notes: readonly Note[]): number {
  return Math.max(...notes.map(({ atSeconds, lastsSeconds }) => atSeconds + lastsSeconds));
}

function play(audio: AudioContext, { hertz, atSeconds, lastsSeconds, wave }: Note): void {
  const begin = audio.currentTime + atSeconds;
  const oscillator = new OscillatorNode(audio, { type: wave, frequency: hertz });
  const gain = new GainNode(audio, { gain: LOUDNESS });
  // Fading out spares the click of a cut wave.
  gain.gain.setValueAtTime(LOUDNESS, begin + lastsSeconds * 0.7);
  gain.gain.linearRampToValueAtTime(0, begin + lastsSeconds);
  oscillator.connect(gain).connect(audio.destination);
  oscillator.start(begin);
  oscillator.stop(begin + lastsSeconds);
}
