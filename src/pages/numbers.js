// Telephone numbers in what a clinic typed: "112 or 999" is two numbers, "112 24/7" is one with hours, and a phone must dial what is meant.
// Where that is not sure, nothing is a link. The mails have the same rule in `src/mail/numbers.rs`, where each step says why;
// `tests/numbers.json` holds both to the same cases.

/** Numbers of emergency and help services that people write beside others. */
export const SERVICES = [
  "000", "061", "062", "065", "066", "080", "085", "088", "091", "092", "100", "101", "102", "103", "104", "105",
  "106", "107", "108", "110", "111", "112", "113", "114", "115", "117", "118", "119", "120", "122", "123", "128",
  "131", "132", "133", "140", "141", "142", "143", "144", "15", "150", "155", "158", "17", "171", "18", "190",
  "191", "192", "193", "196", "197", "199", "911", "988", "990", "991", "992", "993", "994", "995", "996", "997",
  "998", "999",
];
/** No number is longer (ITU-T E.164); without its country and in groups, none is longer or shorter than these. */
const LONGEST = 15;
const NATIONAL = [6, 12];
/** Begins six digits that are one number all over Europe. */
const HARMONISED = "116";
/** What may stand between the groups of one number. */
const JOINS = [" ", "\u00a0", "\u202f", "-", "\u2010", "\u2011", "."];

/** The numbers of a text and the words between them, in order; `digits` is what a phone dials, none of words. */
export function numbersIn(text) {
  const groups = [...text.matchAll(/\d+/g)].map(({ 0: digits, index: from }) => {
    return { digits, from, to: from + digits.length, isInternational: text[from - 1] === "+" };
  });
  const pieces = [];
  let end = 0;
  for (let next = 0; next < groups.length; ) {
    const run = groups.slice(next, next + runLength(text, groups.slice(next)));
    next += run.length;
    for (const { from, to, digits } of numbersOf(text, run)) {
      if (from > end) pieces.push({ text: text.slice(end, from) });
      pieces.push({ text: text.slice(from, to), digits });
      end = to;
    }
  }
  if (end < text.length) pieces.push({ text: text.slice(end) });
  return pieces;
}

function runLength(text, groups) {
  const [first] = groups;
  const isOpened = text[first.from - 1] === "(";
  const takesBrackets = first.isInternational || first.digits === "1";
  const joins = (one, other, place) => {
    const between = text.slice(one.to, other.from);
    if (JOINS.includes(between)) return !other.isInternational;
    if ([") ", ")", ")-"].includes(between)) return (place === 0 && isOpened) || (place === 1 && takesBrackets);
    if ([" (", "("].includes(between)) return place === 0 && takesBrackets;
    const isAreaCode = one.digits.length >= 3 && one.digits.startsWith("0") && other.digits.length >= 4;
    return ["/", " / "].includes(between) && place === 0 && isAreaCode;
  };
  let length = 1;
  while (length < groups.length && joins(groups[length - 1], groups[length], length - 1)) length += 1;
  return length;
}

function numbersOf(text, run) {
  const found = [];
  let left = run;
  while (left.length) {
    const [first, next] = left;
    if (first.digits === HARMONISED && next?.digits.length === 3) {
      found.push({ from: first.from, to: next.to, digits: first.digits + next.digits });
      left = left.slice(2);
      continue;
    }
    const isNextApart = !next || /^(0|116)/.test(next.digits) || SERVICES.includes(next.digits);
    if (first.isInternational || !SERVICES.includes(first.digits) || !isNextApart || !isBare(text, first)) break;
    found.push(first);
    left = left.slice(1);
  }
  const rest = left.length ? whole(text, left) : undefined;
  return rest ? [...found, rest] : found;
}

const isBare = (text, { from, to }) => !/\p{Alphabetic}/u.test(lastOf(text.slice(0, from)) + ([...text.slice(to, to + 2)][0] ?? ""));
const lastOf = (text) => [...text.slice(-2)].pop() ?? "";

function whole(text, run) {
  const between = (one, other) => text.slice(one.to, other.from);
  let words = [];
  for (const group of run) {
    const last = words.at(-1)?.at(-1);
    if (last && !/\s/.test(between(last, group))) words.at(-1).push(group);
    else words.push([group]);
  }
  const isTime = (word) => {
    const lengths = word.map((group) => group.digits.length);
    const isShort = word.length >= 2 && word.length <= 4 && lengths.every((length) => length <= 2);
    const isDate = /^([12],[12],4|4,2,2)$/.test(lengths.join());
    return (isShort || isDate) && !between(word[0], word.at(-1)).includes(")");
  };
  const isNoNumber = (word) => !word.every((group) => isBare(text, group) && !isBesideSlash(text, group)) || isTime(word);
  const counts = (word) => word.length === 1 && word[0].digits.length <= 2 && /^\s*[\p{Alphabetic}.)]/u.test(text.slice(word[0].to));
  while (words.length > 1 && (isNoNumber(words.at(-1)) || counts(words.at(-1)))) words = words.slice(0, -1);
  if (words.some(isNoNumber)) return undefined;
  const groups = words.flat();
  const [first, second] = groups;
  const isTrunk = (group) => first.isInternational && group.digits === "0" && text[group.to] === ")";
  const digits = groups.filter((group) => !isTrunk(group)).map((group) => group.digits).join("");
  const isService = SERVICES.includes(first.digits);
  const isWithin = (least, most) => digits.length >= least && digits.length <= most;
  const isOne = () => {
    if (first.isInternational) return isWithin(7, LONGEST);
    if (!second) return isService || isWithin(4, NATIONAL[1]);
    if (isService && first.digits.length === 3 && !first.digits.startsWith("0")) return first.digits.startsWith("9") && digits.length === 9;
    return isWithin(...NATIONAL);
  };
  const from = first.isInternational ? first.from - 1 : first.from;
  return isOne() ? { from, to: groups.at(-1).to, digits: (first.isInternational ? "+" : "") + digits } : undefined;
}

function isBesideSlash(text, { digits, from, to }) {
  const other = /^\/(\d+)/.exec(text.slice(to)) ?? /(\d+)\/$/.exec(text.slice(0, from));
  return digits.length <= 2 && other !== null && other[1].length <= 2;
}
