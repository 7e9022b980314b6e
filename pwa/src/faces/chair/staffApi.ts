/** The staff endpoints as plain functions. A session that has ended is announced to whoever listens. */
import { answerOf, api, reach } from '../../api/client';
import { ApiProblem, problemFrom } from '../../api/problem';
import type {
  ActivationSheet,
  MemberDetail,
  MemberPage,
  NewMember,
  Organisation,
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
  return signedIn(
    answerOf(api.GET('/api/staff/organisations/{id}', { params, signal: signal ?? null })),
  );
}

export interface PageRequest extends View {
  organisationId: number;
  cursor?: string | undefined;
  limit: number;
}

export function readPeople(request: PageRequest, signal: AbortSignal): Promise<MemberPage> {
  const { organisationId, query, filter, cursor, limit } = request;
  const params = {
    path: { id: organisationId },
    query: { limit, ...(query && { query }), ...(filter && { filter }), ...(cursor && { cursor }) },
  };
  return signedIn(answerOf(api.GET('/api/staff/organisations/{id}/members', { params, signal })));
}

export function readMember(id: string, signal?: AbortSignal): Promise<MemberDetail> {
  const params = { path: { id } };
  return signedIn(answerOf(api.GET('/api/staff/members/{id}', { params, signal: signal ?? null })));
}

export function addMember(
  organisationId: number,
  body: NewMember,
  key: string,
): Promise<MemberDetail> {
  const params = { path: { id: organisationId }, header: { 'idempotency-key': key } };
  return signedIn(
    answerOf(api.POST('/api/staff/organisations/{id}/members', { params, body })),
  );
}

export function issueSheet(memberId: string, key: string): Promise<ActivationSheet> {
  const params = { path: { id: memberId }, header: { 'idempotency-key': key } };
  return signedIn(
    answerOf(api.POST('/api/staff/members/{id}/activation', { params, body: {} })),
  );
}

/** What may be changed of a member's data: all that was entered but the decision and the paper. */
export type MemberEdit = Omit<NewMember, 'joinedOn' | 'processingConsentOn'>;

export type MembershipStatus = 'active' | 'suspended' | 'left' | 'expelled';

/** A living paper card of a member, as it is printed. */
export interface PaperCardToPrint {
  memberId: string;
  fullName: string;
  number: string;
  organisationName: string;
  token: string;
  expiresAt: number;
}

/** The most that one request for paper cards takes. */
export const PAPER_CARDS_AT_MOST = 200;

/** An act under its idempotency key, with its body as it is. */
async function act<T>(method: 'POST' | 'PUT', path: string, body: unknown, key: string): Promise<T> {
  const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': key };
  const response = await reach(path, { method, headers, body: JSON.stringify(body) });
  const answer: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw problemFrom(response.status, answer);
  return answer as T;
}

export function changeMember(id: string, body: MemberEdit, key: string): Promise<MemberDetail> {
  return signedIn(act('PUT', `/api/staff/members/${id}`, body, key));
}

export function changeStatus(id: string, to: MembershipStatus, key: string): Promise<MemberDetail> {
  return signedIn(act('POST', `/api/staff/members/${id}/status`, { to }, key));
}

export function transferMember(id: string, organisationId: number, key: string): Promise<MemberDetail> {
  return signedIn(act('POST', `/api/staff/members/${id}/transfer`, { organisationId }, key));
}

export function reportPhoneLost(id: string, key: string): Promise<MemberDetail> {
  return signedIn(act('POST', `/api/staff/members/${id}/phone/lost`, {}, key));
}

export async function issuePaperCards(
  organisationId: number,
  memberIds: readonly string[],
  key: string,
): Promise<PaperCardToPrint[]> {
  const path = `/api/staff/organisations/${organisationId}/paper-cards`;
  const { items } = await signedIn(act<{ items: PaperCardToPrint[] }>('POST', path, { memberIds }, key));
  return items;
}

export type RevocationReason = 'lost' | 'left' | 'error';

export function revokeCards(
  memberId: string,
  reason: RevocationReason,
  key: string,
): Promise<MemberDetail> {
  const params = { path: { id: memberId }, header: { 'idempotency-key': key } };
  return signedIn(
    answerOf(api.POST('/api/staff/members/{id}/cards/revoke', { params, body: { reason } })),
  );
}
