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

/** The keys of a long list: the arrows go from row to row, or from the list itself to the rows in sight; `/` to the search. */
export function stepAmong(rowTag: 'li' | 'tr', event: KeyboardEvent, onsearch?: () => void): void {
  const { target, currentTarget: viewport } = event;
  if (!(target instanceof HTMLElement) || !(viewport instanceof HTMLElement)) return;
  if (event.key === '/' && onsearch) {
    event.preventDefault();
    onsearch();
    return;
  }
  const forward = { ArrowDown: true, ArrowUp: false }[event.key];
  if (forward === undefined) return;
  const row = target.closest(rowTag);
  const next = row
    ? pressedIn(forward ? row.nextElementSibling : row.previousElementSibling)
    : target === viewport && inSight(viewport, rowTag).at(forward ? 0 : -1);
  if (!next) return;
  event.preventDefault();
  next.focus();
}

const pressedIn = (row: Element | null | undefined) => row?.querySelector<HTMLElement>('a, button, input');

/** What is pressed in each of the rows that are whole in sight. */
function inSight(viewport: HTMLElement, rowTag: string): HTMLElement[] {
  const { top, bottom } = viewport.getBoundingClientRect();
  return [...viewport.querySelectorAll(rowTag)]
    .filter((row) => row.getBoundingClientRect().top >= top && row.getBoundingClientRect().bottom <= bottom)
    .flatMap((row) => pressedIn(row) ?? []);
}
