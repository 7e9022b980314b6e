/** The chair's screens. What it opens with is in the face's own file. */
import type { Route } from '../../app/routes';
import type { StaffSession } from '../../api/types';
import { m } from '../../messages/generated/messages.js';
import Home from './organisation/Home.svelte';
import type { ScreenName, View } from './path';

/** What every screen is given, of which it takes what it needs. */
export interface ScreenProps {
  title: string;
  /** None where the list of people stands beside the screen, unless it is a panel that closes. */
  backHref: string | undefined;
  view: View;
  organisationId: number;
  who: StaffSession;
  /** The member of the screen; empty on one that is not about a member. */
  memberId: string;
}

export type ChairRoute = Route<ScreenName, ScreenProps> & {
  /** Whether the list of people stands beside the screen in a wide window. */
  isBesideList?: boolean;
};

export const routes = {
  home: { title: m.chair_home, nav: 'home', screen: Home },
  people: {
    title: m.chair_people,
    nav: 'people',
    isBesideList: true,
    load: () => import('./people/People.svelte'),
  },
  new: {
    title: m.chair_new_person,
    parent: 'people',
    nav: 'people',
    isBesideList: true,
    load: () => import('./form/NewPersonScreen.svelte'),
  },
  person: {
    title: m.chair_person,
    parent: 'people',
    nav: 'people',
    isBesideList: true,
    load: () => import('./person/Person.svelte'),
  },
  edit: {
    title: m.chair_edit,
    parent: 'person',
    nav: 'people',
    load: () => import('./form/EditPerson.svelte'),
  },
  transfer: {
    title: m.chair_transfer,
    parent: 'person',
    nav: 'people',
    load: () => import('./person/TransferScreen.svelte'),
  },
  sheet: {
    title: m.chair_sheet,
    parent: 'person',
    nav: 'people',
    load: () => import('./print/SheetScreen.svelte'),
  },
  print: {
    title: m.chair_paper_cards,
    parent: 'people',
    nav: 'people',
    load: () => import('./print/PrintCards.svelte'),
  },
  more: { title: m.chair_more, nav: 'more', load: () => import('./session/More.svelte') },
} satisfies Record<ScreenName, ChairRoute>;
