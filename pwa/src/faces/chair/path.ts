/** The chair's addresses: which screen a path names, and the path of a screen. */
import type { PeopleFilter } from '../../api/types';
import { matchPath } from '../../app/routes';

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

export const PATHS = {
  home: '/chair',
  people: '/chair/people',
  new: '/chair/people/new',
  print: '/chair/people/print',
  person: '/chair/people/:id',
  sheet: '/chair/people/:id/sheet',
  edit: '/chair/people/:id/edit',
  transfer: '/chair/people/:id/transfer',
  more: '/chair/more',
} as const;

export type ScreenName = keyof typeof PATHS;

/** The member is there on screens that are about one. */
export interface Screen {
  name: ScreenName | 'unknown';
  memberId?: string | undefined;
}

/** What stays with a person from screen to screen: whose people are shown, and which of them. */
export interface View {
  /** Absent: the organisation of the account's own mandate. */
  organisationId?: number | undefined;
  query?: string | undefined;
  filter?: PeopleFilter | undefined;
  /** The organisation that a transfer looks at. */
  to?: number | undefined;
}

export function screenOf(path: string): Screen {
  const found = matchPath(PATHS, path);
  return found ? { name: found.name, memberId: found.id } : { name: 'unknown' };
}

export function viewOf(search: string): View {
  const params = new URLSearchParams(search);
  const idOf = (name: string) => {
    const id = Number(params.get(name));
    return Number.isSafeInteger(id) && id > 0 ? id : undefined;
  };
  const filter = PEOPLE_FILTERS.find((known) => known === params.get('filter'));
  return {
    organisationId: idOf('org'),
    query: params.get('query') || undefined,
    filter: filter === 'all' ? undefined : filter,
    to: idOf('to'),
  };
}

/** What is absent from the view is absent from the address, so that plain screens have plain ones. */
export function pathTo(name: ScreenName, view: View = {}, memberId = ''): string {
  const params = new URLSearchParams();
  if (view.organisationId !== undefined) params.set('org', String(view.organisationId));
  if (view.query) params.set('query', view.query);
  if (view.filter && view.filter !== 'all') params.set('filter', view.filter);
  if (view.to !== undefined) params.set('to', String(view.to));
  const search = params.toString();
  return `${PATHS[name].replace(':id', memberId)}${search ? `?${search}` : ''}`;
}

const to = (name: ScreenName) => (view?: View) => pathTo(name, view);
export const homePath = to('home');
export const peoplePath = to('people');
export const newPersonPath = to('new');
export const printPath = to('print');

const toMember = (name: ScreenName) => (memberId: string, view?: View) => pathTo(name, view, memberId);
export const personPath = toMember('person');
export const sheetPath = toMember('sheet');
export const editPath = toMember('edit');
export const transferPath = toMember('transfer');
