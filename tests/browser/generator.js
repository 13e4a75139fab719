// Addresses, names and texts that are made to be misread; for tests/browser/parsers.test.mjs, inside the page.

const NASTY = [
  ..."%+&=?#;,\"\\'|<>{}[]() \t\r@:/.~^`aA0z",
  "\u0000",
  "\u007f",
  "\u00e9",
  "\u00df",
  "\u2028",
  "\ufeff",
  "\u{1f600}",
  "\ud800",
  "\udc00",
  "%00",
  "%0A",
  "%0d%0a",
  "%20",
  "%25",
  "%26",
  "%3D",
  "%3b",
  "%C3%A9",
  "%c3",
  "%A9",
  "%FF",
  "%F0%9F%98%80",
  "%ED%A0%80",
  "%EF%BB%BF",
  "%",
  "%4",
  "%zz",
  "%u0041",
  "++",
  "==",
  "&&",
];
const PARAMETERS = ["aff", "via", "ref", "atp", "affonso"];
const DISGUISED = ["%61ff", "a%66f", "AFF", "aff[]", "aff ", "+aff", "%61%66%66", "r%c3%a9f", "réf", "", "xaff", "affx"];

/** Numbers from 0 up to one less than what is asked, the same ones for the same seed. */
export function random(seed) {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b);
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const oneOf = (random, list) => list[random(list.length)];
const some = (random, most, make) => Array.from({ length: random(most + 1) }, () => make(random));

export const text = (random) => some(random, 12, (random) => oneOf(random, NASTY)).join("");

const code = (random) => oneOf(random, [text, () => "alice", () => "ali%63e", () => "", text])(random);
const name = (random) => oneOf(random, [...PARAMETERS, ...PARAMETERS, ...DISGUISED, text(random)]);
const separator = (random) => oneOf(random, ["=", "=", "=", "=", "", "=="]);

/** An address as a page may have it, or pass it to `trackClick`: names come again, in disguise, with nothing behind them. */
export function address(random) {
  const pair = (random) => name(random) + separator(random) + code(random);
  const path = `https://shop.test/${some(random, 3, text).join("/")}`.replace(/[?#\n]/g, "");
  const query = some(random, 6, pair).join(oneOf(random, ["&", "&", "&", "&&", "?"]));
  const fragment = random(4) ? "" : `#${pair(random)}?aff=fragment&via=fragment`;
  return `${path}${random(10) ? "?" : ""}${query}${fragment}`.replaceAll("\n", "");
}

/** The parameter's names that a tag asks for, in its order. */
export function names(random) {
  const all = random(3) ? PARAMETERS : ["via", "aff", "réf"];
  return all.slice(random(2), 1 + random(all.length) || undefined).concat(random(4) ? [] : "code");
}
