/**
 * Whose paper cards are printed together. The choice made last is kept in this tab with the key of its one
 * request, so that a reload shows the same sheets again.
 */
export interface PrintOrder {
  organisationId: number;
  memberIds: string[];
  key: string;
}

const KEPT = 'chair-print';

let order = $state.raw<PrintOrder | undefined>();

export function savePrintOrder(organisationId: number, memberIds: string[]): void {
  order = { organisationId, memberIds, key: crypto.randomUUID() };
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(order));
  } catch {
    // Without storage a reload asks for the choice again.
  }
}

export function savedPrintOrder(): PrintOrder | undefined {
  try {
    order ??= JSON.parse(sessionStorage.getItem(KEPT) ?? 'null') ?? undefined;
  } catch {
    // Nothing was kept.
  }
  return order;
}

export function forgetPrintOrder(): void {
  order = undefined;
  try {
    sessionStorage.removeItem(KEPT);
  } catch {
    // Nothing was kept.
  }
}
