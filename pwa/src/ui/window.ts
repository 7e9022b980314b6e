/** Which rows of a long list are drawn: those in sight and a few around them. */
interface RowWindow {
  first: number;
  /** The index past the last row. */
  end: number;
}

const ROWS_AROUND = 6;

export function rowWindow(scrollPixels: number, heightPixels: number, rowPixels: number, rowCount: number): RowWindow {
  const first = Math.max(0, Math.floor(scrollPixels / rowPixels) - ROWS_AROUND);
  const end = Math.ceil((scrollPixels + heightPixels) / rowPixels) + ROWS_AROUND;
  return { first: Math.min(first, rowCount), end: Math.min(Math.max(end, 0), rowCount) };
}

/** The keys of a long list, from the row that has the focus: the arrows go from row to row, `/` to the search. */
export function stepAmong(rows: 'li' | 'tr', event: KeyboardEvent, onsearch?: () => void): void {
  if (!(event.target instanceof HTMLElement)) return;
  if (event.key === '/' && onsearch) {
    event.preventDefault();
    onsearch();
    return;
  }
  const forward = { ArrowDown: true, ArrowUp: false }[event.key];
  if (forward === undefined) return;
  const row = event.target.closest(rows);
  const next = forward ? row?.nextElementSibling : row?.previousElementSibling;
  const target = next?.querySelector<HTMLElement>('a, button, input');
  if (!target) return;
  event.preventDefault();
  target.focus();
}
