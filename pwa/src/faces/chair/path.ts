/** The chair's addresses: which screen a path names, and the path of a screen. */
import type { PeopleFilter } from '../../api/types';

export const PEOPLE_FILTERS: readonly PeopleFilter[] = [
  'all',
  'working',
  'students',
  'pensioners',
  'no-phone-card',
  'no-consent',
  'suspended',
  'ended',
];

export type Screen =
  | { name: 'home' | 'people' | 'new' | 'print' | 'more' | 'unknown' }
  | { name: 'person' | MemberLeaf; memberId: string };

/** What is done with one person, on a screen of its own. */
const MEMBER_LEAVES = ['sheet', 'edit', 'transfer'] as const;
type MemberLeaf = (typeof MEMBER_LEAVES)[number];

/** What stays with a person from screen to screen: whose people are shown, and which of them. */
export interface View {
  /** Absent: the organisation of the account's own mandate. */
  organisationId?: number | undefined;
  query?: string | undefined;
  filter?: PeopleFilter | undefined;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function screenOf(path: string): Screen {
  const [, , section, id, leaf, ...rest] = path.replace(/\/+$/, '').split('/');
  if (rest.length > 0) return { name: 'unknown' };
  if (section === undefined) return { name: 'home' };
  if (section === 'more' && id === undefined) return { name: 'more' };
  if (section !== 'people') return { name: 'unknown' };
  if (id === undefined) return { name: 'people' };
  if ((id === 'new' || id === 'print') && leaf === undefined) return { name: id };
  if (!UUID.test(id)) return { name: 'unknown' };
  if (leaf === undefined) return { name: 'person', memberId: id };
  const known = MEMBER_LEAVES.find((name) => name === leaf);
  return known ? { name: known, memberId: id } : { name: 'unknown' };
}

export function viewOf(search: string): View {
  const params = new URLSearchParams(search);
  const organisationId = Number(params.get('org'));
  const filter = PEOPLE_FILTERS.find((known) => known === params.get('filter'));
  return {
    organisationId: Number.isSafeInteger(organisationId) && organisationId > 0 ? organisationId : undefined,
    query: params.get('query') || undefined,
    filter: filter === 'all' ? undefined : filter,
  };
}

/** What is absent from the view is absent from the address, so that plain screens have plain ones. */
export function chairPath(place: string, view: View = {}): string {
  const params = new URLSearchParams();
  if (view.organisationId !== undefined) params.set('org', String(view.organisationId));
  if (view.query) params.set('query', view.query);
  if (view.filter && view.filter !== 'all') params.set('filter', view.filter);
  const search = params.toString();
  return `/chair${place}${search ? `?${search}` : ''}`;
}

export const peoplePath = (view: View = {}) => chairPath('/people', view);
export const newPersonPath = (view: View = {}) => chairPath('/people/new', view);
export const personPath = (memberId: string, view: View = {}) => chairPath(`/people/${memberId}`, view);
export const printPath = (view: View = {}) => chairPath('/people/print', view);

const leafPath =
  (leaf: MemberLeaf) =>
  (memberId: string, view: View = {}) =>
    chairPath(`/people/${memberId}/${leaf}`, view);
export const sheetPath = leafPath('sheet');
export const editPath = leafPath('edit');
export const transferPath = leafPath('transfer');
