/** The calendar day here and now as `2026-11-22`: a form is filled in on the day of whoever fills it in. */
export function todayIso(nowSeconds: number): string {
  const now = new Date(nowSeconds * 1000);
  const two = (part: number) => String(part).padStart(2, '0');
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}
