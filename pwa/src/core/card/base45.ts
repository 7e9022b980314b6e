// Base45 (RFC 9285): bytes in the alphabet of a QR code's alphanumeric mode.
import type { Bytes } from './bytes';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';

export function encodeBase45(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 2) {
    const pair = i + 1 < bytes.length;
    let value = pair ? bytes[i]! * 256 + bytes[i + 1]! : bytes[i]!;
    for (let digit = 0; digit < (pair ? 3 : 2); digit++) {
      text += ALPHABET[value % 45];
      value = Math.floor(value / 45);
    }
  }
  return text;
}

/** The bytes, or null where the text is not exactly Base45: a group of one, an overflowing group, a foreign character. */
export function decodeBase45(text: string): Bytes | null {
  const rest = text.length % 3;
  if (rest === 1) return null;
  const bytes = new Uint8Array(Math.floor(text.length / 3) * 2 + (rest === 2 ? 1 : 0));
  let written = 0;
  for (let i = 0; i < text.length; i += 3) {
    const group = text.slice(i, i + 3);
    let value = 0;
    for (let digit = group.length - 1; digit >= 0; digit--) {
      const index = ALPHABET.indexOf(group[digit]!);
      if (index < 0) return null;
      value = value * 45 + index;
    }
    if (value > (group.length === 3 ? 0xffff : 0xff)) return null;
    if (group.length === 3) bytes[written++] = value >> 8;
    bytes[written++] = value & 0xff;
  }
  return bytes;
}
