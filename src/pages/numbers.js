// Telephone numbers in what a clinic typed: "112 or 999" is two numbers, and a phone must dial one of them. The mails have the same rule in
// `src/mail/numbers.rs`; `tests/numbers.json` holds both to the same cases.

/** Numbers of emergency and help services that people write beside others. */
export const SERVICES = [
  "000", "061", "062", "065", "066", "080", "085", "088", "091", "092", "100", "101", "102", "103", "104", "105",
  "106", "107", "108", "110", "111", "112", "113", "114", "115", "117", "118", "119", "120", "122", "123", "128",
  "131", "132", "133", "140", "141", "142", "143", "144", "15", "150", "155", "158", "17", "171", "18", "190",
  "191", "192", "193", "196", "197", "199", "911", "988", "990", "991", "992", "993", "994", "995", "996", "997",
  "998", "999",
];
/** No number is longer (ITU-T E.164). */
const LONGEST = 15;

/** The numbers of a text and the words between them, in order; `digits` is what a phone dials, none of words. */
export function numbersIn(text) {
  const pieces = [];
  const add = (words) => words && pieces.push({ text: words });
  const dialled = (number) => {
    const digits = number.replace(/[^+\d]/g, "");
    pieces.push(/^\+?\d+$/.test(digits) && digits.length > 1 && digits.length <= LONGEST + 1 ? { text: number, digits } : { text: number });
  };
  let end = 0;
  for (const { 0: run, index } of text.matchAll(/[+\d](?:[+\d ().-]*\d)?/g)) {
    if (!/\d/.test(run)) continue;
    add(text.slice(end, index));
    let rest = run;
    // Those of services before a number: each is dialled by itself, however it is set apart. "116 117" is one.
    for (;;) {
      const [, group, between, next] = rest.match(/^(\d+)([^+\d]*)(.*)$/s) ?? [];
      const isAlone = !next || /^[0+]/.test(next) || ["116", ...SERVICES].includes(next.match(/^\d+/)?.[0]);
      if (!SERVICES.includes(group) || !isAlone) break;
      dialled(group);
      add(between);
      rest = next;
    }
    if (rest) dialled(rest);
    end = index + run.length;
  }
  add(text.slice(end));
  return pieces;
}
