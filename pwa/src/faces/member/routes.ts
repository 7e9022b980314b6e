/** The member's screens. The card comes with the face; what is opened from it comes a moment later. */
import type { Route } from '../../app/routes';
import { m } from '../../messages/generated/messages.js';
import CardScreen from './CardScreen.svelte';

export const PATHS = {
  card: '/card',
  code: '/card/code',
  profcards: '/card/profcards',
  profile: '/card/profile',
  notices: '/card/notices',
  activate: '/activate',
  lost: '/lost',
} as const;

export type ScreenName = keyof typeof PATHS;
export type MemberRoute = Route<ScreenName, Record<string, never>>;

export const routes = {
  card: { title: m.tab_card, nav: 'card', screen: CardScreen },
  code: { title: m.card_title, parent: 'card', load: () => import('./CodeScreen.svelte') },
  profcards: {
    title: m.tab_profcards,
    parent: 'card',
    nav: 'profcards',
    load: () => import('./ProfCardsScreen.svelte'),
  },
  profile: { title: m.tab_profile, parent: 'card', nav: 'profile', load: () => import('./ProfileScreen.svelte') },
  notices: { title: m.notices_title, parent: 'card', nav: 'card', load: () => import('./NoticesScreen.svelte') },
  activate: { title: m.activate_title, load: () => import('./ActivateScreen.svelte') },
  lost: { title: m.lost_title, load: () => import('./LostScreen.svelte') },
} satisfies Record<ScreenName, MemberRoute>;
