// The digits that a member types before bonuses are redeemed here. They follow from the till's key and the number of the
// operation, so they are good at this till alone, and once: an operation's number is used once. The server computes the same.
import { fromBase64Url } from '../../core/base64url';
import { ascii, concat } from '../../core/card/bytes';

const PURPOSE = 'PC-CHALLENGE-1';
const DIGITS = 4;

export async function challengeDigits(challengeKey: string, opNo: number): Promise<string> {
  const hmac = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', fromBase64Url(challengeKey), hmac, false, ['sign']);
  const mac = await crypto.subtle.sign('HMAC', key, concat(ascii(PURPOSE), [0], eightBytes(opNo)));
  return String(new DataView(mac).getUint32(0) % 10 ** DIGITS).padStart(DIGITS, '0');
}

function eightBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}
