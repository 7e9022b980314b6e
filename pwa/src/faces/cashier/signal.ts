// What a verdict sounds and feels like. iOS has no vibration and some tills no loudspeaker: neither ever stands alone.
import type { Tone } from './words';

const NOTES: Record<Tone, { hertz: number; atSeconds: number; lastsSeconds: number; wave: OscillatorType }[]> = {
  accepted: [
    { hertz: 880, atSeconds: 0, lastsSeconds: 0.09, wave: 'sine' },
    { hertz: 1320, atSeconds: 0.1, lastsSeconds: 0.16, wave: 'sine' },
  ],
  warning: [
    { hertz: 660, atSeconds: 0, lastsSeconds: 0.12, wave: 'triangle' },
    { hertz: 660, atSeconds: 0.2, lastsSeconds: 0.12, wave: 'triangle' },
  ],
  refused: [{ hertz: 165, atSeconds: 0, lastsSeconds: 0.45, wave: 'square' }],
};

const VIBRATION_MILLIS: Record<Tone, number[]> = { accepted: [60], warning: [80, 80, 80], refused: [350] };

const LOUDNESS = 0.18;

let context: AudioContext | null = null;

/** Browsers let a page sound only after a touch: call this from one. */
export function allowSound(): void {
  context ??= typeof AudioContext === 'undefined' ? null : new AudioContext();
  if (context?.state === 'suspended') void context.resume().catch(() => undefined);
}

export function signal(tone: Tone): void {
  navigator.vibrate?.(VIBRATION_MILLIS[tone]);
  if (context?.state !== 'running') return;
  for (const note of NOTES[tone]) play(context, note);
}

function play(audio: AudioContext, { hertz, atSeconds, lastsSeconds, wave }: (typeof NOTES)[Tone][number]): void {
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
