/**
 * Activation: code and birth date, consent, the phone's key, the card. What a lost answer would
 * need to be asked again is kept in the phone's database until the card is here.
 */
import { answerOf, api } from '../../api/client';
import { ApiProblem } from '../../api/problem';
import type { ActivationChallenge, GivenConsent, MemberProfile } from '../../api/types';
import { fromBase64Url, toBase64Url } from '../../core/base64url';
import { fromHex } from '../../core/card/bytes';
import { learnServerTime, nowSeconds } from '../../core/clock';
import { candidateKey, makeCandidateKey, NoDeviceKey, signEnrolment } from '../../core/devicekey';
import { askToPersist, inStore, readMeta, writeMeta } from '../../db/open';
import type { DeviceKey } from '../../db/schema';
import { syncOf } from '../../sync/engine';
import { forgetPulled } from '../../sync/pull';
import { PHONE_END_KEY } from './phoneEnd';

interface UnfinishedEnrolment {
  challenge: string;
  consents: GivenConsent[];
  startedAtSeconds: number;
}

const META_KEY = 'enrolment';
/** The server remembers a challenge for less than this. */
const WORTH_RESUMING_SECONDS = 3600;

/**
 * Whether this browser can keep a signing key, tried out before anyone types a code. A key that is
 * being enrolled has been through it, and must not be replaced. Throws where the store does not say.
 */
export async function canKeepKey(): Promise<boolean> {
  try {
    if (!(await readMeta<UnfinishedEnrolment>(META_KEY))) await makeCandidateKey();
    return true;
  } catch (cause) {
    if (cause instanceof NoDeviceKey) return false;
    throw cause;
  }
}

export function reportLostPhone(code: string, birthDate: string): Promise<undefined> {
  return answerOf<undefined>(api.POST('/api/lost-phone', { body: { code, birthDate } }));
}

export function checkCode(code: string, birthDate: string): Promise<ActivationChallenge> {
  return answerOf(api.POST('/api/activation/check', { body: { code, birthDate } }));
}

export async function enrol(challenge: string, consents: GivenConsent[]): Promise<void> {
  const unfinished = await readMeta<UnfinishedEnrolment>(META_KEY);
  // The same challenge again is a retry, and has to come with the same key.
  const kept = unfinished?.challenge === challenge ? await candidateKey() : undefined;
  const key = kept ?? (await makeCandidateKey());
  await writeMeta(META_KEY, { challenge, consents, startedAtSeconds: nowSeconds() });
  await send(key, challenge, consents);
}

/** Asks again for a card whose enrolment may have reached the server before the answer was lost. */
export async function resumeEnrolment(): Promise<boolean> {
  const unfinished = await readMeta<UnfinishedEnrolment>(META_KEY);
  const key = await candidateKey();
  if (!unfinished || !key) return false;
  if (nowSeconds() - unfinished.startedAtSeconds > WORTH_RESUMING_SECONDS) return false;
  await send(key, unfinished.challenge, unfinished.consents);
  return true;
}

export function forgetUnfinished(): Promise<void> {
  return inStore(async (db) => {
    const tx = db.transaction(['keys', 'meta'], 'readwrite');
    await tx.objectStore('keys').delete('candidate');
    await tx.objectStore('meta').delete(META_KEY);
    await tx.done;
  });
}

async function send(key: DeviceKey, challenge: string, consents: GivenConsent[]): Promise<void> {
  const signature = await signEnrolment(key, fromBase64Url(challenge));
  const askedAtMillis = Date.now();
  const profile = await answerOf(
    api.POST('/api/activation/enrol', {
      body: {
        challenge,
        publicKey: toBase64Url(key.publicCoseKey),
        signature: toBase64Url(signature),
        consents,
      },
    }),
  );
  await learnServerTime(profile.serverTime * 1000 + 500, askedAtMillis);
  await adopt(key, profile);
}

/** Key, card and first data become this phone's at one stroke. */
async function adopt(key: DeviceKey, profile: MemberProfile): Promise<void> {
  const { card, balance } = profile;
  if (!card) throw new ApiProblem({ code: 'unavailable', status: 201, detail: 'no card came' });
  await forgetPulled('member');
  const face = 'member';
  await inStore((db) => {
    const tx = db.transaction(['keys', 'cards', 'entities', 'meta'], 'readwrite');
    return Promise.all([
      tx.objectStore('keys').put({ ...key, id: 'device' }),
      tx.objectStore('keys').delete('candidate'),
      tx.objectStore('meta').delete(META_KEY),
      tx.objectStore('meta').delete(PHONE_END_KEY),
      tx.objectStore('cards').put({
        id: 'me',
        bytes: fromHex(card.cardHex),
        issuedAtSeconds: card.issuedAt,
        expiresAtSeconds: card.expiresAt,
      }),
      tx.objectStore('entities').put({ face, entity: 'profile', id: 'me', data: profile }),
      tx.objectStore('entities').put({ face, entity: 'balance', id: 'me', data: balance }),
      tx.done,
    ]);
  });
  await syncOf(face).sessionChanged();
  void syncOf(face).now();
  void askToPersist();
}
