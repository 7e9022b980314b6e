// The chair: signs in, sees the organisation, enters a person on a phone, issues the card, reads the sheet.
import assert from 'node:assert/strict';
import { PHONE } from '../lib/browser.mjs';
import { assertReads, chapter, check, plain } from '../lib/report.mjs';

const LOGIN = 'school12';
const PASSWORD = 'demo-2026';
const ORGANISATION = 'ППО школы № 12';

/** The person of the story. */
export const HERO = {
  lastName: 'Ёлкина',
  firstName: 'Вера',
  middleName: 'Андреевна',
  birthDate: '12031985',
  phone: '89045551234',
  position: 'учитель математики',
  joinedOn: '01092025',
  shownName: 'Ёлкина В. А.',
};

const figureIn = (text) => Number(/\d+/.exec(plain(text))[0]);

/** Answers the code that is printed on the sheet. */
export async function chairStory(stage) {
  chapter('The chair');
  const chair = await stage.person('chair');
  await chair.open('/chair');
  await check('signs in', () => signIn(chair));
  const members = await check('sees the organisation and its counts', () => seesCounts(chair));
  await check('sees as many people as the count says', () => seesPeople(chair, members));
  await check('at the width of a phone the filters that matter are in sight, whole', () => seesFilters(chair));
  await check('enters a person through the form, at phone size', () => entersPerson(chair));
  const code = await check('issues the card and reads the activation code on the sheet', () => issues(chair));
  await check('sees that the organisation has one member more', async () => {
    await chair.link('Главная').click();
    await chair.reads(chair.page.locator('h1'), ORGANISATION);
    await chair.reads(chair.page.getByRole('main'), String(members + 1));
  });
  await check('the task of the consents leads to the people who lack them, and to the act', () =>
    entersConsents(chair),
  );
  return { chair, code };
}

async function entersConsents(chair) {
  const task = chair.page.getByRole('link', { name: /Соберите согласия/ });
  const lacking = figureIn(await chair.reads(task, 'без согласия'));
  await task.click();
  await chair.at('person-row').first().waitFor();
  assert.equal(await countsPeople(chair), lacking);
  // What the filter says need not be said by each row.
  assert.equal(await chair.at('person-row').filter({ hasText: 'без согласия' }).count(), 0);
  await chair.at('choose-people').click();
  await chair.at('choose-all').click();
  await chair.reads(chair.page.getByRole('main'), `ыбран`);
  await chair.at('enter-consents').click();
  await chair.reads(chair.sheet(), 'Отметьте, только если подписанный лист уже у вас');
  await chair.shoot('chair-consents');
  await chair.at('consents-confirm').click();
  await chair.reads(chair.page.locator('body'), `Внесено ${lacking}`);
  await chair.reads(chair.page.getByRole('main'), 'Согласия есть у всех');
  await chair.hasFocus('h1');
  await chair.link('Главная').click();
  await chair.reads(chair.page.locator('h1'), ORGANISATION);
  assert.equal(await task.count(), 0);
}

async function signIn(chair) {
  await chair.at('staff-login').fill(LOGIN);
  await chair.at('staff-password').fill('not-this-one');
  await chair.at('staff-sign-in').click();
  await chair.reads(chair.page.getByRole('alert'), 'Логин или пароль не подошли');
  await signsIn(chair);
}

export async function signsIn(chair, login = LOGIN, organisation = ORGANISATION) {
  await chair.at('staff-login').fill(login);
  await chair.at('staff-password').fill(PASSWORD);
  await chair.at('staff-sign-in').click();
  await chair.reads(chair.page.locator('h1'), organisation);
}

async function seesCounts(chair) {
  const figures = chair.page.getByRole('region', { name: 'Организация в цифрах' });
  const text = await chair.reads(figures, 'Профсоюза');
  assertReads(text, 'Работающие', 'Пенсионеры', 'С картой в телефоне');
  await chair.shoot('chair-home');
  return figureIn(text.slice(text.indexOf('цифрах') + 'цифрах'.length));
}

async function seesPeople(chair, members) {
  await chair.link('Люди').click();
  await chair.at('person-row').first().waitFor();
  assert.equal(await countsPeople(chair), members);
  await chair.shoot('chair-people');
}

async function seesFilters(chair) {
  for (const name of [/^Нет карты в телефоне/, /^Без согласия/]) {
    const { x, width } = await chair.link(name).boundingBox();
    assert.ok(x >= 0 && x + width <= PHONE.width, `${name} from ${x}, ${width} wide`);
  }
  await chair.at('more-filters').click();
  await chair.reads(chair.sheet(), 'Студенты');
  await chair.shoot('chair-filters');
  await chair.sheet().getByRole('button', { name: 'Закрыть' }).click();
}

/** As many as the list says there are. */
export async function countsPeople(chair) {
  return figureIn(await chair.reads(chair.page.getByRole('status').first(), 'человек'));
}

async function entersPerson(chair) {
  await chair.at('new-person').click();
  await chair.at('save-person').click();
  await chair.reads(chair.page.getByRole('main'), 'Исправьте');
  await dropsDraft(chair);
  await chair.at('last-name').fill(HERO.lastName.toLowerCase());
  await chair.at('first-name').fill(HERO.firstName);
  assert.equal(await chair.at('last-name').inputValue(), HERO.lastName);
  await chair.at('middle-name').fill(HERO.middleName);
  await chair.page.getByRole('radio', { name: 'Женский' }).check();
  await chair.at('birth-date').pressSequentially(HERO.birthDate);
  await chair.page.getByRole('radio', { name: 'Работает' }).check();
  await chair.at('position').fill(HERO.position);
  await chair.at('phone').pressSequentially(HERO.phone);
  await chair.at('joined-on').fill('');
  await chair.at('joined-on').pressSequentially(HERO.joinedOn);
  await chair.at('has-consent').check();
  assert.equal(await chair.at('birth-date').inputValue(), '12.03.1985');
  await chair.page.getByRole('main').evaluate((main) => main.scrollTo(0, 0));
  await chair.shoot('chair-new-person');
  await chair.at('save-person').click();
  await chair.reads(chair.page.locator('body'), 'Человек внесён. Теперь можно выдать карту.');
  await chair.button('Закрыть').click();
  const title = `${HERO.lastName} ${HERO.firstName} ${HERO.middleName}`;
  await chair.reads(chair.page.getByRole('heading', { level: 1 }), title);
  assertReads(await chair.page.getByRole('main').innerText(), '12 марта 1985', '+7', 'Карты ещё нет');
}

/** What was dropped is offered until something else is typed. */
async function dropsDraft(chair) {
  const offer = chair.button('Отменить');
  await chair.at('last-name').fill('Прежняя');
  await chair.page.reload();
  await chair.button('Начать заново').click();
  await offer.click();
  assert.equal(await chair.at('last-name').inputValue(), 'Прежняя');
  await chair.page.reload();
  await chair.button('Начать заново').click();
  await offer.waitFor();
  await chair.hasFocus('h1');
  await chair.at('first-name').fill('Новая');
  await offer.waitFor({ state: 'detached' });
}

async function issues(chair) {
  await chair.at('issue-card').click();
  const code = plain(await chair.reads(chair.at('sheet-code')));
  assert.match(code, /^[0-9A-Z]{5}-[0-9A-Z]{5}$/);
  await chair.shoot('chair-sheet');
  await printsOnePage(chair);
  await chair.page.goBack();
  await chair.reads(chair.page.getByRole('main'), 'ждёт активации');
  await chair.shoot('chair-person');
  return code;
}

/** Also with a name that takes three lines. */
async function printsOnePage(chair) {
  const names = chair.at('sheet').locator('.name');
  await names.evaluateAll((all) =>
    all.forEach((one) => (one.textContent = 'Константинопольская-Преображенская Мария-Антуанетта Константиновна')),
  );
  const pdf = await chair.page.pdf({ preferCSSPageSize: true, printBackground: true });
  assert.equal(pdf.toString('latin1').match(/\/Type\s*\/Page\b/g).length, 1, 'pages of the sheet');
}

/** Finds a member by name, through the screens. */
export async function opensPerson(chair, fullName) {
  await chair.link('Люди').click();
  await chair.at('people-search').fill(fullName.split(' ')[0]);
  await chair.at('person-row').filter({ hasText: fullName }).click();
  await chair.reads(chair.page.getByRole('heading', { level: 1 }), fullName);
}

/** Does one of the acts that stand behind «Ещё». */
export async function takesAct(chair, act) {
  await chair.at('more-acts').click();
  await chair.at(act).click();
}

export async function revokesCards(chair, fullName) {
  await opensPerson(chair, fullName);
  await takesAct(chair, 'revoke');
  await chair.reads(chair.page.getByRole('dialog'), 'Кассы узнают об этом');
  await chair.page.getByRole('radio', { name: 'Карта или телефон утеряны' }).check();
  await chair.at('revoke-confirm').click();
  await chair.reads(chair.page.locator('body'), 'Карты отозваны');
  await chair.reads(chair.page.getByRole('main'), 'отозвана');
}
