/** Names for the server's shapes, so that no other file spells `components['schemas']`. */
import type { components } from './schema.gen';

type Schemas = components['schemas'];

export type Balance = Schemas['Balance'];
export type Consent = Schemas['ProfileConsent'];
export type IssuedCard = Schemas['PhoneCard'];
export type MemberProfile = Schemas['MemberProfile'];
export type ActivationChallenge = Schemas['ActivationOffer'];
export type GivenConsent = Schemas['GivenConsent'];

export type ActivationSheet = Schemas['ActivationSheet'];
export type Counts = Schemas['Counts'];
export type MemberCard = Schemas['MemberCard'];
export type MemberDetail = Schemas['MemberDetail'];
export type MemberEdit = Schemas['MemberEdit'];
export type MemberPage = Schemas['MemberPage'];
export type MemberSummary = Schemas['MemberSummary'];
export type NewMember = Schemas['NewMember'];
export type NewStatus = Schemas['NewStatus'];
export type Organisation = Schemas['Organisation'];
export type PaperCardToPrint = Schemas['PaperCard'];
export type StaffSession = Schemas['StaffSession'];
