/** The consents that a member gives here, each with the version of the text that was shown. */
import type { ConsentKind } from '../../api/types';
import { m } from '../../messages/generated/messages.js';
import { PROGRAMME } from './member.svelte';

/** Grows with every change of the text below: what was agreed to stays known. */
export const PROGRAMME_TEXT_VERSION = 'profcards-2026-11';

export const programmeText = (): string[] => [
  m.consent_programme_what(),
  m.consent_programme_who(),
  m.consent_programme_until(),
];

const titles: Record<ConsentKind, () => string> = {
  [PROGRAMME]: m.consent_programme_title,
  processing: m.consent_processing_title,
  mailings: m.consent_mailings_title,
  photo: m.consent_photo_title,
};

/** The title of a consent; one that only a newer server knows is called another consent. */
export function consentTitle(kind: ConsentKind): string {
  return ((titles as Partial<typeof titles>)[kind] ?? m.consent_other_title)();
}
