// What the till refuses offline, read by the camera, in the words that a cashier reads.
import assert from 'node:assert/strict';
import { holdCode } from '../lib/camera.mjs';
import { until } from '../lib/instance.mjs';
import { assertReads, chapter, check } from '../lib/report.mjs';
import { codeOf, withOtherName, withOtherProof, withoutProof } from '../lib/token.mjs';
import { HERO, revokesCards } from './chair.mjs';
import { activate, openCode, photograph, shownAt } from './member.mjs';
import { buy, OUTLET, pair, scan, scanning, seesVerdict, verdictOn } from './till.mjs';

const TWO_MINUTES_MILLIS = 120_000;
const TEN_MINUTES_MILLIS = 600_000;
const PUBLISHED_WITHIN_MILLIS = 5_000;
const KEPT_WITHIN_MILLIS = 15_000;

async function refuses(till, { text, code }, expectedCode, ...words) {
  assert.equal(code, expectedCode, text);
  assertReads(text, 'ОТКАЗ', ...words, `код: ${expectedCode}`);
  await till.at('scan-next').click();
}

async function verdictOnCode(till, token) {
  await scanning(till);
  await holdCode(till.page, codeOf(token));
  return seesVerdict(till);
}

/** The till is offline and stays so. */
export async function forgeryStory(till, phone, token) {
  chapter('Refused offline');
  await check('a screenshot of the code, shown two minutes later', async () => {
    const picture = await photograph(phone);
    await till.shiftClock((await shownAt(phone)) * 1000 + TWO_MINUTES_MILLIS - Date.now());
    const verdict = await verdictOn(till, picture);
    await till.shoot('till-verdict-refused');
    await till.shiftClock(0);
    await refuses(till, verdict, 'proof-stale', 'Код показан 2 минуты назад: это снимок?', 'новый код через 15 секунд');
  });
  await check('a card with another name on it', async () => {
    const verdict = await verdictOnCode(till, withOtherName(token, HERO.shownName));
    await refuses(till, verdict, 'bad-signature', 'Карта подделана или повреждена', 'Не принимайте');
  });
  await check('one byte of the phone’s proof altered', async () => {
    const verdict = await verdictOnCode(till, withOtherProof(token));
    await refuses(till, verdict, 'proof-bad', 'Карта подделана или повреждена', 'Не принимайте');
  });
  await check('a phone’s card with its proof stripped', async () => {
    const verdict = await verdictOnCode(till, withoutProof(token));
    await refuses(till, verdict, 'proof-missing', 'Показана копия карты', 'Попросите открыть карту в приложении');
  });
  await check('a code that is no card at all', async () => {
    const verdict = await verdictOnCode(till, 'HTTPS://EXAMPLE.ORG/');
    await refuses(till, verdict, 'not-a-card', 'Это не карта профсоюза');
  });
}

/** A member without the programme's consent: the card is good, the purchase is not booked. */
export async function rejectedStory(stage, instance, till) {
  chapter('Refused by the server, and revoked');
  const entry = await instance.freshEntries();
  const other = await stage.person('other-phone');
  await check('a member may open the card without the programme', () =>
    activate(other, entry.code, entry.birthDate, { joins: false }),
  );
  await openCode(other);
  await check('a purchase that the server rejects stays in sight, with its reason in words', async () => {
    await till.offline();
    await till.open('/scan');
    assert.equal((await scan(till, other)).code, 'accepted');
    await buy(till, 700);
    await till.offline(false);
    await till.reads(till.at('done'), 'Сервер не принял покупку');
    await till.open('/scan/operations');
    const refused = await till.reads(till.at('refused'), 'ждёт вас');
    assertReads(refused, '700,00 ₽', 'он не дал согласия', 'Кэшбэк не начислен', 'код: not-in-programme');
    await till.shoot('till-operations');
    await till.at('remove').click();
    await till.at('refused').waitFor({ state: 'detached' });
  });
  return { other, name: entry.name };
}

const LIST_PATH = '/.well-known/profcards/status/1';

/** A till that is opened after the act has the list that the act has changed. */
export async function hearsNewList(till, act) {
  const before = (await till.stored('lists')).map(({ etag }) => etag);
  await act();
  await until('the new list is kept', KEPT_WITHIN_MILLIS, async () => {
    await till.open('/scan');
    await till.page.waitForLoadState('networkidle');
    return (await till.stored('lists')).some(({ id, etag }) => id !== 'trust' && !before.includes(etag));
  });
}

export async function revokedStory(instance, chair, till, { other, name }) {
  await other.offline();
  const before = await instance.download(LIST_PATH);
  await check('the chair revokes a card', () => revokesCards(chair, name));
  await check('the revocation is on the published list within five seconds', () =>
    until(
      'a new status list',
      PUBLISHED_WITHIN_MILLIS,
      async () => (await instance.download(LIST_PATH)).etag !== before.etag,
    ),
  );
  await check('a till that has heard of it refuses the revoked card, offline', async () => {
    const [answer] = await Promise.all([
      till.context.waitForEvent(
        'response',
        (response) => response.url().endsWith(LIST_PATH) && response.status() === 200,
      ),
      till.open('/scan'),
    ]);
    await answer.finished();
    await until('the new list is kept', PUBLISHED_WITHIN_MILLIS, async () =>
      (await till.stored('lists')).some(({ etag }) => etag === answer.headers().etag),
    );
    await till.offline();
    await till.open('/scan');
    await refuses(till, await scan(till, other), 'revoked', 'Карта отозвана', 'Обслужите без скидки');
  });
}

export async function wrongClockStory(stage, instance, phone) {
  chapter('A till whose clock is wrong');
  const till = await stage.person('late-till', { shiftMillis: -TEN_MINUTES_MILLIS, isPhone: false });
  await pair(till, await instance.tillCode(OUTLET));
  await check('ten minutes behind, it still judges a card by the server’s time', async () => {
    await till.offline();
    assert.equal((await scan(till, phone)).code, 'accepted');
  });
  await check('its purchase is booked, and the message says whose clock is off', async () => {
    await buy(till, 200);
    await till.offline(false);
    await till.reads(till.at('done'), 'Учтена на сервере');
    await till.at('next-customer').click();
    const text = await till.reads(till.page.getByRole('main'), 'Часы');
    assertReads(text, 'Часы этой кассы отстают на 10 минут', 'Карты проверяются по времени сервера');
    await till.shoot('till-clock');
  });
}
