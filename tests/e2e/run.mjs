// The whole story in a real browser on the real program, in two runs. `purchases`: a card is issued, opened on a phone, shown and
// read by a camera without a network, and its purchase lands in the books; then what else a card goes through. `devices`: every code
// of the till, devices as they are, and a long list. Prints a line for each promise.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { cardLifeStory } from './card-life.mjs';
import { openBrowser, output } from './lib/browser.mjs';
import { makeInstance } from './lib/instance.mjs';
import { chapter, check, conclude, fail } from './lib/report.mjs';
import { chairStory } from './story/chair.mjs';
import { devicesStory } from './story/devices.mjs';
import { listStory } from './story/list.mjs';
import { activationStory, cashbackStory, offlineStory } from './story/member.mjs';
import { redemptionStory } from './story/redemption.mjs';
import { forgeryStory, rejectedStory, revokedStory, wrongClockStory } from './story/refusals.mjs';
import { codesStory } from './story/till-codes.mjs';
import { anyoneStory, purchaseStory, settlesStory } from './story/till.mjs';
import { faultsStory } from './story/till-faults.mjs';
import { vendorStory } from './story/vendor.mjs';
import { watchStory } from './story/watch.mjs';

async function purchases(instance, stage) {
  const { chair, code } = await chairStory(stage);
  const phone = await activationStory(stage, code);
  await offlineStory(phone);
  const till = await anyoneStory(stage, instance, phone);
  await phone.offline();
  const { token, atSeconds, receipt } = await purchaseStory(instance, till, phone);
  await vendorStory(stage, instance, { token, atSeconds });
  await forgeryStory(till, phone, token);
  await phone.offline(false);
  await phone.open('/card/profcards');
  await settlesStory(till, receipt);
  await cashbackStory(phone);
  await till.shoot('till-settled');
  await redemptionStory(stage, instance, phone);
  const member = await rejectedStory(stage, instance, till);
  await revokedStory(instance, chair, till, member);
  await phone.open('/card/code');
  await wrongClockStory(stage, instance, phone);
  await watchStory(stage, chair, phone);
  await cardLifeStory(instance, stage);
}

async function devices(instance, stage) {
  await codesStory(stage);
  await faultsStory(stage);
  await devicesStory(stage, instance);
  await listStory(stage, instance);
}

/** Each on an instance of its own, so that they may run side by side. */
const runs = { purchases, devices };
const name = process.argv[2] ?? '';
if (!Object.hasOwn(runs, name)) throw new Error(`Which run? ${Object.keys(runs).join(' or ')}`);

/** What holds for the whole run. */
async function afterwards(instance, stage) {
  chapter('The whole run');
  await check('the books agree with the journal', () => instance.run('ledger', 'audit'));
  await check('no request went anywhere but to the instance', () => assert.deepEqual(stage.strayed, []));
  await check('no page had an uncaught error or broke its content policy', () => assert.deepEqual(stage.errors, []));
}

const instance = await makeInstance();
let stage;
try {
  await check('one command starts the instance', () => instance.start());
  stage = await openBrowser(instance.url, join(output, name));
  await runs[name](instance, stage);
  await afterwards(instance, stage);
  await stage.close();
  await check('it stops on Ctrl-C, with everything that it had started', () => instance.stop());
} catch (cause) {
  fail(cause);
  await stage?.saveAll();
  if (stage?.errors.length) console.error('Errors of the pages:', stage.errors);
  console.error(`What was on the screens: ${join(output, name)}`);
  await stage?.close();
  await instance.stop().catch((failure) => console.error(failure));
} finally {
  await instance.remove();
}
conclude();
