// A till that stands on its scan screen hears of a revocation while it works: nobody opens it anew.
import assert from 'node:assert/strict';
import { until } from '../lib/instance.mjs';
import { assertReads, chapter, check } from '../lib/report.mjs';
import { HERO, revokesCards } from './chair.mjs';
import { anyonesTill, scan, scanning } from './till.mjs';

/** Five for the list to be published, five for the till to ask for it. */
const HEARD_WITHIN_MILLIS = 10_000;

export async function watchStory(stage, chair, phone) {
  chapter('A till at work');
  const till = await anyonesTill(stage, 'watching-till');
  await scanning(till);
  await phone.open('/card/code');
  await phone.offline();
  assert.equal((await scan(till, phone)).code, 'accepted');
  await till.at('scan-next').click();
  const etags = async () =>
    (await till.stored('lists'))
      .map(({ etag }) => etag)
      .sort()
      .join();
  const before = await etags();
  await revokesCards(chair, `${HERO.lastName} ${HERO.firstName}`);
  await check('it has the new list within seconds, without being touched', async () => {
    await until('the new list', HEARD_WITHIN_MILLIS, async () => (await etags()) !== before);
    // It asks again only once it has taken in what came.
    await till.page.waitForResponse((response) => response.url().endsWith('/trust-list'));
  });
  await check('and refuses the card', async () => {
    const { text, code } = await scan(till, phone);
    assert.equal(code, 'revoked', text);
    assertReads(text, 'Карта отозвана', 'Обслужите без скидки');
  });
}
