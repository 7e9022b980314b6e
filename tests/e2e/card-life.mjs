// The life of a card beside its showing: the phone's key and its fallbacks, another phone, a lost one, a paused membership,
// changed data, cards on paper. Each on the real program, with a chair, phones and a till of its own.
import { keysStory } from './life/keys.mjs';
import { membershipStory } from './life/membership.mjs';
import { paperStory } from './life/paper.mjs';
import { phonesStory } from './life/phones.mjs';
import { p256RedemptionStory } from './life/redemption.mjs';
import { transferStory } from './life/transfer.mjs';
import { signsIn } from './story/chair.mjs';

export async function cardLifeStory(instance, stage) {
  const chair = await stage.person('life-chair');
  await chair.open('/chair');
  await signsIn(chair);
  await keysStory(instance, stage);
  await phonesStory(instance, stage, chair);
  await membershipStory(instance, stage, chair);
  await transferStory(instance, stage);
  await paperStory(instance, chair);
  await p256RedemptionStory(instance, stage);
}
