/** Keeps the screen on while the code is shown; the system drops the lock whenever the page hides. */
export function keepScreenOn(): () => void {
  let lock: WakeLockSentinel | undefined;
  let stopped = false;

  async function acquire(): Promise<void> {
    if (stopped || document.visibilityState !== 'visible' || !('wakeLock' in navigator)) return;
    // Refused on a low battery: the code then shows for as long as the system lets it.
    lock = await navigator.wakeLock.request('screen').catch(() => undefined);
    if (stopped) await lock?.release();
  }

  const onVisibility = () => void acquire();
  document.addEventListener('visibilitychange', onVisibility);
  void acquire();
  return () => {
    stopped = true;
    document.removeEventListener('visibilitychange', onVisibility);
    void lock?.release();
  };
}
