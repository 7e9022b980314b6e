// A verifier that keeps its own lists: downloads them, refreshes them as it works, remembers the proofs that it has accepted.
// What a partner's till or server uses; the app's own till has its storage and its clock in the database.
import { fromHex } from './bytes';
import {
  issuedAtSeconds,
  readLists,
  refreshLists,
  type HeldLists,
  type ListSource,
  type ListStorage,
  type SignedList,
} from './lists';
import { floorSecondsOf, verify, type Verdict, type Wants } from './verify';

export interface VerifierOptions {
  /** The issuer's root keys as published, in hex or as bytes. They are pinned: never take them from the network. */
  roots: (string | Uint8Array)[];
  /** Such as `https://cards.example.org/.well-known/profcards/trust-list`. */
  trustListUrl: string;
  /** What the status lists' paths are relative to, where that is not the trust list's own server. */
  statusBaseUrl?: string;
  fetch?: typeof fetch;
  /** Where the lists outlive a restart; without it they are kept in memory. */
  storage?: ListStorage;
  /** The time as this verifier knows it, in Unix seconds. */
  nowSeconds?: () => number;
  /** How often a verification asks for newer lists, beside its work. */
  refreshSeconds?: number;
}

export interface Showing {
  wants?: Wants;
  /** The digits that this till shows for a redemption; new ones each time. */
  challenge?: string;
}

export interface Verifier {
  /** One scanned text, untrimmed. An accepted phone's proof is remembered, and the next time it is `replayed`. */
  verify(text: string, showing?: Showing): Promise<Verdict>;
  /** Asks for newer lists now; rejects where the issuer was not reached or what it sent does not check out. */
  refresh(): Promise<void>;
}

const DOWNLOAD_TIMEOUT_MILLIS = 20_000;
/** A proof is stale after a minute; this is far beyond any clock's trouble. */
const PROOF_KEPT_SECONDS = 3600;
const PROOFS_KEPT = 100_000;

export function createVerifier(options: VerifierOptions): Verifier {
  const clock = options.nowSeconds ?? (() => Math.floor(Date.now() / 1000));
  const refreshMillis = (options.refreshSeconds ?? 300) * 1000;
  const isNewProof = proofMemory();
  let floorSeconds = 0;
  const source: ListSource = {
    roots: options.roots.map((root) => (typeof root === 'string' ? fromHex(root) : new Uint8Array(root))),
    storage: options.storage ?? memoryStorage(),
    trustListPath: options.trustListUrl,
    download: downloader(options.fetch ?? fetch, options.statusBaseUrl ?? options.trustListUrl),
    nowSeconds: () => Math.max(clock(), floorSeconds),
  };
  let held: HeldLists | undefined;
  /** For as long as the storage cannot be read. */
  const nothing: HeldLists = {
    trust: 'trust-list-bad',
    statusLists: { held: new Map(), someFailed: false },
    etags: new Map(),
    empty: true,
  };
  let refreshing: Promise<void> | undefined;
  let refreshedAtMillis = -Infinity;

  async function read(): Promise<HeldLists> {
    held = await readLists(source);
    floorSeconds = Math.max(floorSeconds, ...issuedAtSeconds(held));
    return held;
  }

  function refresh(): Promise<void> {
    refreshing ??= refreshNow().finally(() => (refreshing = undefined));
    return refreshing;
  }

  async function refreshNow(): Promise<void> {
    refreshedAtMillis = performance.now();
    const { failure } = await refreshLists(held ?? (await read()), source);
    await read();
    if (failure !== undefined) throw failure;
  }

  /** What is held answers at once; only a verifier that holds nothing usable waits for the network. */
  async function lists(): Promise<HeldLists> {
    const { trust } = held ?? (await read().catch(() => nothing));
    if (typeof trust === 'string' || source.nowSeconds() >= trust.expSeconds) await refresh().catch(() => undefined);
    else if (performance.now() - refreshedAtMillis > refreshMillis) void refresh().catch(() => undefined);
    return held ?? nothing;
  }

  return {
    refresh,
    async verify(text, { wants = 'accrual', challenge } = {}) {
      const { trust, statusLists } = await lists();
      const nowSeconds = source.nowSeconds();
      const verdict = await verify(text, {
        nowSeconds,
        trust,
        statusLists,
        wants,
        ...(challenge === undefined ? {} : { challenge }),
        // The last stage: whoever claims the proof here has accepted it, also when two verifications run at once.
        acceptedBefore: (proofId) => !isNewProof(proofId, nowSeconds),
      });
      floorSeconds = Math.max(floorSeconds, floorSecondsOf(verdict) ?? 0);
      return verdict;
    },
  };
}

function downloader(fetchList: typeof fetch, statusBaseUrl: string): ListSource['download'] {
  return async (path) => {
    // A page's own cache asks by ETag; a header of ours would cost another origin's page a preflight request.
    const response = await fetchList(new URL(path, statusBaseUrl), {
      cache: 'no-cache',
      credentials: 'omit',
      signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT_MILLIS),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return { bytes: new Uint8Array(await response.arrayBuffer()) };
  };
}

function memoryStorage(): ListStorage {
  const rows = new Map<string, SignedList>();
  return {
    all: async () => [...rows.values()],
    put: async (list) => void rows.set(list.id, list),
    delete: async (id) => void rows.delete(id),
  };
}

/** Says of a proof whether this is its first time, and remembers it. */
function proofMemory(): (proofId: string, nowSeconds: number) => boolean {
  const acceptedAtSeconds = new Map<string, number>();
  return (proofId, nowSeconds) => {
    for (const [id, atSeconds] of acceptedAtSeconds) {
      if (atSeconds + PROOF_KEPT_SECONDS >= nowSeconds && acceptedAtSeconds.size < PROOFS_KEPT) break;
      acceptedAtSeconds.delete(id);
    }
    if (acceptedAtSeconds.has(proofId)) return false;
    acceptedAtSeconds.set(proofId, nowSeconds);
    return true;
  };
}
