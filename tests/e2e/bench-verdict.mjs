// How long a till takes from the decoded text to the verdict, with the page's processor slowed down four times: fresh presentations
// through the card module as the package has it, beside the bare pair of signature checks that each of them cannot do without.
// Usage: node tests/e2e/bench-verdict.mjs PACKAGE_FOLDER, by bin/bench-browser.
import { deflateSync } from 'node:zlib';
import { inBrowser, packageFiles } from '../conformance/browser.mjs';
import {
  NOW,
  card,
  cardKey,
  devices,
  hex,
  present,
  root,
  signaturesOf,
  statusList,
  trustList,
} from '../conformance/issuer.mjs';
import { quantiles, row, SLOWDOWN, slowDown } from './lib/figures.mjs';
import { tokenOf } from './lib/token.mjs';

const WARM_UP = 50;
const MEASURED = 300;
const PLACES = 1_213_517;

const runs = [
  { title: 'Ed25519 phone, WebCrypto', device: 'ed25519', engine: 'webcrypto' },
  { title: 'P-256 phone, WebCrypto', device: 'p256', engine: 'webcrypto' },
  { title: 'Ed25519 phone, without WebCrypto’s Ed25519', device: 'ed25519', engine: 'noble' },
  { title: 'P-256 phone, without WebCrypto’s Ed25519', device: 'p256', engine: 'noble' },
];

/** Each of another card, shown at another second. */
function makeShowings(device) {
  return Array.from({ length: WARM_UP + MEASURED }, (_, at) => {
    const presentation = present(card((at * 3_571) % PLACES, device), device, NOW - (at % 60));
    return { text: tokenOf(presentation), ...signaturesOf(presentation) };
  });
}

const lists = {
  root: hex(root.x),
  trustList: hex(trustList),
  statusList: hex(statusList(2, deflateSync(Buffer.alloc(Math.ceil(PLACES / 4))))),
  now: NOW,
};

const keyOf = ({ coseKey }) =>
  [...coseKey]
    .filter(([label]) => label <= -2)
    .map(([, coordinate]) => hex(coordinate))
    .join('');

/** Runs in the page. Answers milliseconds, for each showing: of the bare pair where the browser has both, and of the verdict. */
async function measureHere({ engine, device, showings, keys, lists: given }) {
  const { fromHex, hideEd25519 } = await import('/vectors.mjs');
  if (engine === 'noble') hideEd25519();
  const { loadStatusList, loadTrustList, verify } = await import('/package.mjs');
  const trust = await loadTrustList(fromHex(given.trustList), [fromHex(given.root)]);
  const list = await loadStatusList(fromHex(given.statusList), trust, { nowSeconds: given.now });
  const statusLists = { held: new Map([[list.uri, list]]), someFailed: false };
  const seen = new Set();
  const acceptedBefore = (proofId) => seen.size === seen.add(proofId).size;

  const ED25519 = [{ name: 'Ed25519' }, { name: 'Ed25519' }];
  const P256 = [
    { name: 'ECDSA', namedCurve: 'P-256' },
    { name: 'ECDSA', hash: 'SHA-256' },
  ];
  const prepare = async ([importAs, verifyAs], key) => {
    const imported = await crypto.subtle.importKey('raw', fromHex(key), importAs, false, ['verify']);
    return ({ signature, signed }) => crypto.subtle.verify(verifyAs, imported, signature, signed);
  };
  const bytes = ({ signature, signed }) => ({ signature: fromHex(signature), signed: fromHex(signed) });
  const bare =
    engine === 'noble'
      ? null
      : {
          card: await prepare(ED25519, keys.card),
          proof: await (device === 'p256' ? prepare(P256, `04${keys.device}`) : prepare(ED25519, keys.device)),
        };

  const timed = async (what) => {
    const startedAt = performance.now();
    const result = await what();
    return { millis: performance.now() - startedAt, result };
  };
  const measured = [];
  for (const { text, ...parts } of showings) {
    const [ofCard, ofProof] = [bytes(parts.card), bytes(parts.proof)];
    const pair = bare && (await timed(async () => (await bare.card(ofCard)) && bare.proof(ofProof)));
    const whole = await timed(() =>
      verify(text, { nowSeconds: given.now, trust, statusLists, wants: 'accrual', acceptedBefore }),
    );
    if (whole.result.code !== 'accepted' || pair?.result === false)
      throw new Error(`${whole.result.code}, pair ${pair?.result}`);
    measured.push({ pair: pair?.millis, whole: whole.millis });
  }
  return measured;
}

async function measure(browser, url, { device, engine }) {
  const page = await browser.newPage();
  await page.goto(url);
  await slowDown(page);
  const keys = { card: keyOf(cardKey), device: keyOf(devices[device]) };
  const measured = await page.evaluate(measureHere, {
    engine,
    device,
    showings: makeShowings(devices[device]),
    keys,
    lists,
  });
  await page.close();
  return measured.slice(WARM_UP);
}

await inBrowser(await packageFiles(process.argv[2]), async (browser, url) => {
  console.log(
    `Chromium ${browser.version()}, processor slowed ${SLOWDOWN}×, ${MEASURED} fresh presentations each, a status list of ${PLACES} cards\n`,
  );
  console.log(
    row('decoded text to verdict', 'median, ms', 'p95, ms', 'bare pair: median, ms', 'p95, ms', 'verdict ÷ pair'),
  );
  console.log(row('---', '---:', '---:', '---:', '---:', '---:'));
  for (const run of runs) {
    const measured = await measure(browser, url, run);
    const whole = quantiles(measured.map((one) => one.whole));
    const pair = measured[0].pair === undefined ? null : quantiles(measured.map((one) => one.pair));
    const ratio = pair && (whole.median / pair.median).toFixed(2);
    const figures = [whole, pair].flatMap((one) => (one ? [one.median.toFixed(2), one.p95.toFixed(2)] : ['–', '–']));
    console.log(row(run.title, ...figures, ratio ?? '–'));
  }
});
