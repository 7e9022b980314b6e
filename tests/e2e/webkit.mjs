// The member and the till in WebKit: cards are opened, shown, judged, paid with, moved and lost in the engine of every iPhone.
// WebCrypto, IndexedDB, the service worker and the WebAssembly decoder are WebKit's own here.
import assert from 'node:assert/strict';
import { output } from './lib/browser.mjs';
import { makeInstance } from './lib/instance.mjs';
import { check, conclude, fail } from './lib/report.mjs';
import { signInChair } from './lib/staff.mjs';
import { openWebKit } from './lib/webkit.mjs';
import { activationStory, lossStory, movingStory, offlineStory } from './webkit/member.mjs';
import { offlineTillStory, pairingStory, redemptionStory, revokedStory, settlesStory } from './webkit/till.mjs';

/** «Ёлкина Вера Андреевна» stands on a till as «Ёлкина В. А.». */
function shortName(fullName) {
  const [last, ...others] = fullName.split(' ');
  return `${last} ${others.map((name) => `${name[0]}.`).join(' ')}`;
}

async function story(instance, stage) {
  const entries = await instance.freshEntries();
  const chair = await signInChair(instance);
  const phone = await activationStory(stage, entries);
  const till = await pairingStory(stage, instance);
  // Somebody else's, who keeps the card on paper.
  const other = await chair.member();
  const { paperToken: token } = await other.printSheet();
  const { name } = JSON.parse(await instance.run('card', 'verify', token));

  await instance.stop();
  await offlineStory(phone);
  await offlineTillStory(till, phone, { name: shortName(entries.name), paper: { token, name } });
  await instance.start();
  await settlesStory(till, phone);

  await instance.makePendingDue();
  await instance.run('housekeeping');
  await redemptionStory(till, phone);

  const member = await chair.member(entries.name);
  const fresh = await movingStory(stage, member, entries.birthDate, phone);
  await lossStory(member, entries.birthDate, fresh, phone);
  await revokedStory(instance, till, other, { token, name });
  for (const person of stage.people) await person.gatherErrors();
  await check('no page had an uncaught error or broke its content policy', () => assert.deepEqual(stage.errors, []));
}

const instance = await makeInstance();
let stage;
try {
  await instance.start();
  stage = await openWebKit(instance.url);
  await story(instance, stage);
  await check('it ends, with everything that it had started', () => stage.close());
} catch (cause) {
  fail(cause);
  await stage?.saveAll();
  console.error(`What was on the screens: ${output}`);
} finally {
  await stage?.close().catch((failure) => console.error(failure));
  await instance.stop().catch((failure) => console.error(failure));
  await instance.remove();
}
conclude();
