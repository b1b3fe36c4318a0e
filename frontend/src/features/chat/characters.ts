/**
 * The service counts characters as Unicode code points, JavaScript strings as UTF-16 units: "𝄞" is one
 * character and two units. Offsets and lengths of the stream are converted here and nowhere else.
 */

const ASTRAL = /[\u{10000}-\u{10FFFF}]/u;

export function countCharacters(text: string): number {
  if (!ASTRAL.test(text)) return text.length;
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** The first `count` characters. */
export function takeCharacters(text: string, count: number): string {
  if (!ASTRAL.test(text)) return text.slice(0, Math.max(0, count));
  let end = 0;
  let taken = 0;
  for (const character of text) {
    if (taken >= count) break;
    taken += 1;
    end += character.length;
  }
  return text.slice(0, end);
}
