// Figures of a measurement, the lines of a table, and the slow processor that it is taken on.

/** How many times slower than this machine's. */
export const SLOWDOWN = 4;

export async function slowDown(page) {
  const session = await page.context().newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate: SLOWDOWN });
}

/** The value at the middle, and the one that nineteen of twenty do not exceed. */
export function quantiles(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
  return { median: at(0.5), p95: at(0.95) };
}

export const row = (...cells) => `| ${cells.join(' | ')} |`;
