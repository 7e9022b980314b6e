/**
 * Who answered? Between this device and the server stand sign-in pages of networks, which answer anything with their own
 * 200, and proxies, whose word for a server that is away is a page too. Ours are documents of an application, or no body at all.
 */

const NO_BODY = [204, 205, 304];

/** The code of the problem where somebody else answered; none where the server did. */
export function standIn({ status, redirected, headers }: Response): 'portal' | 'unavailable' | undefined {
  const type = headers.get('Content-Type') ?? '';
  const isOurs = !redirected && (NO_BODY.includes(status) || /^application\//i.test(type));
  // A proxy in front of the server says so in whatever form it likes.
  const isAway = status === 502 || status === 504;
  if (isOurs && !isAway) return undefined;
  return status >= 400 && status !== 511 ? 'unavailable' : 'portal';
}
