/** The words for what happened to a card, a phone or a membership. */
import { m } from '../../messages/generated/messages.js';
import { iconBadgeCheck, iconBan, iconCreditCard, iconInfo, iconSmartphone, iconUsers } from '../../ui/icons';
import type { MemberNotice } from './member.svelte';

interface Words {
  icon: string;
  title: string;
  text: string;
}

const words: Record<MemberNotice['kind'], (notice: MemberNotice) => Words> = {
  'phone-enrolled': () => ({
    icon: iconSmartphone,
    title: m.notice_phone_enrolled(),
    text: m.notice_phone_enrolled_text(),
  }),
  'phone-replaced': () => ({
    icon: iconSmartphone,
    title: m.notice_phone_replaced(),
    text: m.notice_phone_replaced_text(),
  }),
  'phone-lost': ({ by }) => ({
    icon: iconBan,
    title: m.notice_phone_lost(),
    text: by === 'member' ? m.notice_phone_lost_by_member() : m.notice_phone_lost_by_chair(),
  }),
  'sheet-printed': () => ({
    icon: iconInfo,
    title: m.notice_sheet_printed(),
    text: m.notice_sheet_printed_text(),
  }),
  'signed-out': () => ({ icon: iconSmartphone, title: m.notice_signed_out(), text: m.notice_signed_out_text() }),
  'card-changed': () => ({
    icon: iconCreditCard,
    title: m.notice_card_changed(),
    text: m.notice_card_changed_text(),
  }),
  'cards-revoked': () => ({
    icon: iconBan,
    title: m.notice_cards_revoked(),
    text: m.notice_cards_revoked_text(),
  }),
  'birth-date-changed': () => ({
    icon: iconInfo,
    title: m.notice_birth_date_changed(),
    text: m.notice_birth_date_changed_text(),
  }),
  'membership-suspended': () => ({ icon: iconBan, title: m.notice_suspended(), text: m.notice_suspended_text() }),
  'membership-resumed': () => ({ icon: iconBadgeCheck, title: m.notice_resumed(), text: m.notice_resumed_text() }),
  'membership-ended': () => ({ icon: iconBan, title: m.notice_ended(), text: m.notice_ended_text() }),
  transferred: ({ params }) => ({
    icon: iconUsers,
    title: m.notice_transferred(),
    text: m.notice_transferred_text({ organisation: params.organisationName ?? '' }),
  }),
};

/** A kind that this version does not know is still there to be asked about. */
export function wordsOf(notice: MemberNotice): Words {
  return words[notice.kind]?.(notice) ?? { icon: iconInfo, title: m.notice_unknown(), text: m.notice_unknown_text() };
}
