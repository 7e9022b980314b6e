// Runs the conformance vectors against the browser module, wherever it is loaded: Node, a test, or a page of a real browser.
// The schema and how a vector is loaded: crates/card/vectors/README.md.

export const fromHex = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));

/** `api` is what @profcards/verify exports. Answers the verdict. */
export async function runVector({ loadTrustList, loadStatusList, verify }, vector) {
  const { held: before, now } = vector;
  const trust =
    vector.trustList === null
      ? 'trust-list-bad'
      : await loadTrustList(fromHex(vector.trustList), vector.roots.map(fromHex), before.trustSeq ?? undefined);
  const held = new Map();
  let someFailed = false;
  for (const hex of typeof trust === 'string' ? [] : vector.statusLists) {
    const list = await loadStatusList(fromHex(hex), trust, {
      nowSeconds: now,
      heldIatSeconds: before.statusIat ?? undefined,
    });
    if (list === 'status-bad') someFailed = true;
    else if ((held.get(list.uri)?.iatSeconds ?? 0) <= list.iatSeconds) held.set(list.uri, list);
  }
  return verify(vector.token, {
    nowSeconds: now,
    trust,
    statusLists: { held, someFailed },
    wants: vector.wants === 'accrual' ? 'accrual' : { redeemKopecks: vector.amountKopecks },
    ...(vector.challenge === null ? {} : { challenge: vector.challenge }),
    acceptedBefore: (proofId) => before.proofIds.includes(proofId),
  });
}

/** What the verdict should have been and was not, in words, or null. */
export function deviation({ expect }, { accepted, code, warning, allowed, number, class: cardClass, proofId }) {
  const got = { accepted, code, warning, allowed, ...(accepted ? { number, class: cardClass, proofId } : {}) };
  const wrong = Object.keys(got).filter((member) => JSON.stringify(got[member]) !== JSON.stringify(expect[member]));
  return wrong.length === 0 ? null : wrong.map((member) => `${member} ${JSON.stringify(got[member])}`).join(', ');
}

/** From now on this page or process has no Ed25519 in its WebCrypto, as in Chrome before 137. To be called before the module loads. */
export function hideEd25519(subtle = crypto.subtle) {
  const importKey = subtle.importKey.bind(subtle);
  subtle.importKey = (format, key, algorithm, ...rest) =>
    (algorithm.name ?? algorithm) === 'Ed25519'
      ? Promise.reject(new DOMException('Unrecognized name.', 'NotSupportedError'))
      : importKey(format, key, algorithm, ...rest);
  return () => delete subtle.importKey;
}
