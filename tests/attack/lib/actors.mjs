// People who deal with the server in an attack: staff and members' phones, each with a session of their own. A phone's code is made
// as docs/card-format.md has it.
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { tokenOf } from '../../e2e/lib/token.mjs';
import { Browser, nowSeconds } from './browser.mjs';

const CONSENT = { kind: 'profcards', textVersion: 'profcards-2026-11' };
const DEMO_PASSWORD = 'demo-2026';

export class Staff extends Browser {
  static async signIn(url, login) {
    const staff = new Staff(url);
    const session = await staff.good('POST', '/api/staff/session', { login, password: DEMO_PASSWORD });
    staff.organisations = session.mandates.map(({ organisationId }) => organisationId);
    return staff;
  }

  /** The first members of the organisation that this account keeps, whole. */
  async members(count) {
    const page = await this.good('GET', `/api/staff/organisations/${this.organisations[0]}/members`);
    const chosen = page.items.slice(0, count);
    assert.equal(chosen.length, count);
    return Promise.all(chosen.map(({ id }) => this.good('GET', `/api/staff/members/${id}`)));
  }

  print(memberId) {
    return this.ask('POST', `/api/staff/members/${memberId}/activation`, {}, { 'idempotency-key': randomUUID() });
  }
}

export class Phone extends Browser {
  /** A phone with a key of its own takes the card of whoever the code was printed for. */
  static async enrol(url, code, birthDate) {
    const phone = new Phone(url);
    const offer = await phone.good('POST', '/api/activation/check', { code, birthDate });
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const possession = Buffer.concat([Buffer.from('PC-ENROL-1\0'), Buffer.from(offer.challenge, 'base64url')]);
    const profile = await phone.good('POST', '/api/activation/enrol', {
      challenge: offer.challenge,
      publicKey: Buffer.concat([
        Buffer.from('a301012006215820', 'hex'),
        Buffer.from(publicKey.export({ format: 'jwk' }).x, 'base64url'),
      ]).toString('base64url'),
      signature: sign(null, possession, privateKey).toString('base64url'),
      consents: [CONSENT],
    });
    phone.key = privateKey;
    phone.card = Buffer.from(profile.card.cardHex, 'hex');
    return phone;
  }

  /** The text of a code of this moment; with digits it lets a till take so much. */
  code({ at = nowSeconds(), digits, maxKopecks } = {}) {
    const header = Buffer.concat([Buffer.from('a301270d', 'hex'), this.card, Buffer.from('10190126', 'hex')]);
    const claims = [Buffer.from('03627063', 'hex'), Buffer.from([0x06]), uint(at)];
    if (digits !== undefined) claims.push(Buffer.from('1827', 'hex'), bytes(Buffer.from(digits)));
    if (maxKopecks !== undefined) claims.push(Buffer.from('3a00010002', 'hex'), uint(maxKopecks));
    const count = 2 + (digits === undefined ? 0 : 1) + (maxKopecks === undefined ? 0 : 1);
    const payload = Buffer.concat([Buffer.from([0xa0 + count]), ...claims]);
    const signed = Buffer.concat([
      Buffer.from('846a', 'hex'),
      Buffer.from('Signature1'),
      bytes(header),
      Buffer.from([0x40]),
      bytes(payload),
    ]);
    const signature = sign(null, signed, this.key);
    return tokenOf(
      Buffer.concat([Buffer.from('d284', 'hex'), bytes(header), Buffer.from([0xa0]), bytes(payload), bytes(signature)]),
    );
  }

  async availableKopecks() {
    return (await this.good('GET', '/api/member/profile')).balance.availableKopecks;
  }

  /** What the app would have pulled by now. */
  async notices() {
    const { upserts } = await this.good('GET', '/api/sync/pull?face=member&schema=1');
    return upserts.filter(({ entity }) => entity === 'notice').map(({ data }) => data.kind);
  }
}

/** All that is pending has waited long enough, and so has every phone. */
export async function daysPass(instance) {
  await instance.sql("update purchase set confirm_on = current_date - 1 where state = 'pending'");
  await instance.sql('update device set redeems_from = enrolled_at');
  await instance.run('ledger', 'confirm');
  // A balance that was read before is remembered for a minute.
  await instance.sql('update balance set version = version + 1');
}

function head(major, value) {
  if (value < 24) return Buffer.from([(major << 5) | value]);
  if (value < 0x100) return Buffer.from([(major << 5) | 24, value]);
  if (value < 0x10000) return Buffer.from([(major << 5) | 25, value >> 8, value & 255]);
  const long = Buffer.alloc(5);
  long[0] = (major << 5) | 26;
  long.writeUInt32BE(value, 1);
  return long;
}

const uint = (value) => head(0, value);
const bytes = (content) => Buffer.concat([head(2, content.length), content]);
