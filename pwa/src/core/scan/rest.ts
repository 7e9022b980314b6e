// When a till's camera rests: after minutes in which nobody did anything, and soon after the page went out of sight.

const IDLE_MILLIS = 5 * 60_000;
/** Whoever looks at another app for a moment is not asked for the camera again, as iOS would. */
const HIDDEN_MILLIS = 10_000;

const TOUCHES = ['pointerdown', 'keydown'];

export interface Rest {
  /** Says that somebody is there, as a code before the camera does. */
  awake(): void;
  stop(): void;
}

/** Tells when to rest, and when the page is in sight again after it was out of sight for long. */
export function watchRest(onRest: () => void, onReturn: () => void): Rest {
  const stopping = new AbortController();
  const { signal } = stopping;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wasHidden = false;

  function restAfter(millis: number): void {
    clearTimeout(timer);
    timer = setTimeout(onRest, millis);
  }

  function awake(): void {
    if (document.visibilityState === 'visible') restAfter(IDLE_MILLIS);
  }

  document.addEventListener(
    'visibilitychange',
    () => {
      if (document.visibilityState !== 'visible') restAfter(HIDDEN_MILLIS);
      else if (wasHidden) onReturn();
      wasHidden = document.visibilityState !== 'visible';
      awake();
    },
    { signal },
  );
  for (const touch of TOUCHES) addEventListener(touch, awake, { signal });
  awake();
  return {
    awake,
    stop: () => {
      clearTimeout(timer);
      stopping.abort();
    },
  };
}
