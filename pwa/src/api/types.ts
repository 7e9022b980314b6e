/** Names for the server's shapes, so that no other file spells `components['schemas']`. */
import type { components } from './schema.gen';

type Schemas = components['schemas'];

export type Balance = Schemas['Balance'];
export type Consent = Schemas['Consent'];
export type IssuedCard = Schemas['IssuedCard'];
export type MemberProfile = Schemas['MemberProfile'];
export type ActivationChallenge = Schemas['ActivationChallenge'];
