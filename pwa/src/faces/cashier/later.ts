// The screens that come after a verdict, and what stands beside the scanning: fetched while the first card is being scanned, so that
// each is there when it is wanted.
import { fetchEarly } from '../../app/updates';

export const later = {
  amount: () => import('./AmountScreen.svelte'),
  camera: () => import('./CameraTrouble.svelte'),
  clock: () => import('./ClockWarning.svelte'),
  done: () => import('./DoneScreen.svelte'),
  found: () => import('./FoundScreen.svelte'),
  number: () => import('./NumberDialog.svelte'),
  operations: () => import('./OperationsScreen.svelte'),
  pairing: () => import('./PairingScreen.svelte'),
  redeem: () => import('./RedeemScreen.svelte'),
  picture: () => import('../../core/scan/picture'),
  trouble: () => import('./SyncTrouble.svelte'),
  typed: () => import('../../core/scan/typed'),
  problems: () => import('../../api/messages'),
  typing: () => import('./TypedCodeDialog.svelte'),
};

/** What cannot be had now is missed only when it is wanted. */
export function fetchLater(): void {
  for (const load of Object.values(later)) void fetchEarly(load);
}
