/** Names for the server's shapes, so that no other file spells `components['schemas']`. */
import type * as v from 'valibot';
import type { components, paths } from './schema.gen';

type Schemas = components['schemas'];

export type Balance = Schemas['Balance'];
export type MemberProfile = Schemas['MemberProfile'];
export type ActivationChallenge = Schemas['ActivationOffer'];
export type GivenConsent = Schemas['GivenConsent'];

export type ActivationSheet = Schemas['ActivationSheet'];
export type FoundCard = Schemas['FoundCard'];
export type PullAnswer = Schemas['PullAnswer'];
export type PushAnswer = Schemas['PushAnswer'];
/** A row that a pull brings: the kind of entity says what its data are. */
export type Upsert = Schemas['Upsert'];
export type Entity = Schemas['Entity'];
export type EntityData = { [E in Entity]: Extract<Upsert, { entity: E }>['data'] };
export type RuleLine = Schemas['ExplanationLine'];
export type RefusalDetail = Schemas['RefusalDetail'];
export type RedemptionChallenge = Schemas['RedemptionChallenge'];
export type RedemptionLimit = Schemas['RedemptionLimit'];
export type TillState = Schemas['TillState'];

export type CardClass = Schemas['CardClass'];
export type CardState = Schemas['CardState'];
export type Category = Schemas['Category'];
export type ConsentChannel = Schemas['ConsentChannel'];
export type ConsentKind = Schemas['ConsentKind'];
export type Counted = Schemas['Counted'];
export type Counts = Schemas['Counts'];
export type MandateRole = Schemas['MandateRole'];
export type MemberCard = Schemas['MemberCard'];
export type MemberDetail = Schemas['MemberDetail'];
export type MemberEdit = Schemas['MemberEdit'];
export type MemberPage = Schemas['MemberPage'];
export type MembershipStatus = Schemas['MembershipStatus'];
export type MemberSummary = MemberPage['items'][number];
export type NewMember = Schemas['NewMember'];
export type NewStatus = Schemas['NewStatus'];
export type Organisation = Schemas['Organisation'];
export type OrganisationKind = Schemas['OrganisationKind'];
export type PaperCardToPrint = Schemas['PaperCard'];
export type PeopleFilter = NonNullable<
  NonNullable<paths['/api/staff/organisations/{id}/members']['get']['parameters']['query']>['filter']
>;
export type RevocationReason = Schemas['RevocationReason'];
export type Sex = Schemas['Sex'];
export type StaffSession = Schemas['StaffSession'];

/** What a schema makes of the server's shape. Where the contract promises something that the schema would refuse, it does not compile. */
export type ReadAs<Schema extends v.GenericSchema, _Server extends v.InferInput<Schema>> = v.InferOutput<Schema>;
