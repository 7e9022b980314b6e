/** The staff endpoints as plain functions. A session that has ended is announced to whoever listens. */
import { answerOf, api } from '../../api/client';
import { ApiProblem } from '../../api/problem';
import type {
  ActivationSheet,
  MemberDetail,
  MemberEdit,
  MemberPage,
  NewMember,
  NewStatus,
  Organisation,
  PaperCardToPrint,
  RevocationReason,
  StaffSession,
} from '../../api/types';
import type { View } from './path';

let sessionEnded: () => void = () => undefined;

export function onSessionEnded(listener: () => void): void {
  sessionEnded = listener;
}

async function signedIn<T>(pending: Promise<T>): Promise<T> {
  try {
    return await pending;
  } catch (cause) {
    if (cause instanceof ApiProblem && cause.code === 'unauthenticated') sessionEnded();
    throw cause;
  }
}

export function signIn(login: string, password: string): Promise<StaffSession> {
  return answerOf(api.POST('/api/staff/session', { body: { login, password } }));
}

export function readSession(): Promise<StaffSession> {
  return answerOf(api.GET('/api/staff/session'));
}

export function signOut(): Promise<undefined> {
  return answerOf<undefined>(api.DELETE('/api/staff/session'));
}

export function readOrganisation(id: number, signal?: AbortSignal): Promise<Organisation> {
  const params = { path: { id } };
  return signedIn(answerOf(api.GET('/api/staff/organisations/{id}', { params, signal: signal ?? null })));
}

const PAGE_LENGTH = 100;

interface PageRequest extends View {
  organisationId: number;
  cursor?: string | undefined;
}

export function readPeople(request: PageRequest, signal: AbortSignal): Promise<MemberPage> {
  const { organisationId, query, filter, cursor } = request;
  const params = {
    path: { id: organisationId },
    query: { limit: PAGE_LENGTH, ...(query && { query }), ...(filter && { filter }), ...(cursor && { cursor }) },
  };
  return signedIn(answerOf(api.GET('/api/staff/organisations/{id}/members', { params, signal })));
}

export function readMember(id: string, signal?: AbortSignal): Promise<MemberDetail> {
  const params = { path: { id } };
  return signedIn(answerOf(api.GET('/api/staff/members/{id}', { params, signal: signal ?? null })));
}

export function addMember(organisationId: number, body: NewMember, key: string): Promise<MemberDetail> {
  const params = { path: { id: organisationId }, header: { 'idempotency-key': key } };
  return signedIn(answerOf(api.POST('/api/staff/organisations/{id}/members', { params, body })));
}

export function issueSheet(memberId: string, key: string): Promise<ActivationSheet> {
  const params = { path: { id: memberId }, header: { 'idempotency-key': key } };
  return signedIn(answerOf(api.POST('/api/staff/members/{id}/activation', { params, body: {} })));
}

export function changeMember(id: string, body: MemberEdit, key: string): Promise<MemberDetail> {
  const params = { path: { id }, header: { 'idempotency-key': key } };
  return signedIn(answerOf(api.PUT('/api/staff/members/{id}', { params, body })));
}

export function changeStatus(id: string, to: NewStatus, key: string): Promise<MemberDetail> {
  const params = { path: { id }, header: { 'idempotency-key': key } };
  return signedIn(answerOf(api.POST('/api/staff/members/{id}/status', { params, body: { to } })));
}

export function transferMember(id: string, organisationId: number, key: string): Promise<MemberDetail> {
  const params = { path: { id }, header: { 'idempotency-key': key } };
  return signedIn(answerOf(api.POST('/api/staff/members/{id}/transfer', { params, body: { organisationId } })));
}

export function reportPhoneLost(id: string, key: string): Promise<MemberDetail> {
  const params = { path: { id }, header: { 'idempotency-key': key } };
  return signedIn(answerOf(api.POST('/api/staff/members/{id}/phone/lost', { params, body: {} })));
}

/** The most members that one request takes. */
export const CHOSEN_AT_MOST = 200;

export async function issuePaperCards(
  organisationId: number,
  memberIds: string[],
  key: string,
): Promise<PaperCardToPrint[]> {
  const params = { path: { id: organisationId }, header: { 'idempotency-key': key } };
  const { items } = await signedIn(
    answerOf(api.POST('/api/staff/organisations/{id}/paper-cards', { params, body: { memberIds } })),
  );
  return items;
}

/** Answers how many had none on record before. */
export async function recordConsents(
  organisationId: number,
  memberIds: string[],
  signedOn: string,
  key: string,
): Promise<number> {
  const params = { path: { id: organisationId }, header: { 'idempotency-key': key } };
  const { recorded } = await signedIn(
    answerOf(api.POST('/api/staff/organisations/{id}/consents', { params, body: { memberIds, signedOn } })),
  );
  return recorded;
}

export function revokeCards(memberId: string, reason: RevocationReason, key: string): Promise<MemberDetail> {
  const params = { path: { id: memberId }, header: { 'idempotency-key': key } };
  return signedIn(answerOf(api.POST('/api/staff/members/{id}/cards/revoke', { params, body: { reason } })));
}
