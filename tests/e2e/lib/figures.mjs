// Figures of a measurement, and the lines of a table.

/** The value at the middle, and the one that nineteen of twenty do not exceed. */
export function quantiles(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
  return { median: at(0.5), p95: at(0.95) };
}

export const row = (...cells) => `| ${cells.join(' | ')} |`;
