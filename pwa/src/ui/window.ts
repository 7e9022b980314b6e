/** Which rows of a long list are drawn: those in sight and a few around them. */
interface RowWindow {
  first: number;
  /** One past the last. */
  end: number;
}

const ROWS_AROUND = 6;

export function rowWindow(scrollPixels: number, heightPixels: number, rowPixels: number, rowCount: number): RowWindow {
  const first = Math.max(0, Math.floor(scrollPixels / rowPixels) - ROWS_AROUND);
  const end = Math.ceil((scrollPixels + heightPixels) / rowPixels) + ROWS_AROUND;
  return { first: Math.min(first, rowCount), end: Math.min(Math.max(end, 0), rowCount) };
}
