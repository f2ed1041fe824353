// The built-in pages' dates, locales and telephone numbers, with what odd browsers and clinics say. Usage: tsx src/pages.ts FOLDER SHARED

import { readFileSync } from "node:fs";
import { check, run } from "./report.ts";

await run("pages", async () => {
  const load = (file: string) =>
    import(`data:text/javascript,${encodeURIComponent(readFileSync(`${process.argv[2]}/${file}`, "utf8"))}`);
  const [dates, numbers] = [await load("dates.js"), await load("numbers.js")];
  const known = { en: 1, es: 1, de: 1 };
  const picked = (languages: unknown) => Object.values(dates.pickLocale(languages, known)).join(" ");
  for (const languages of [undefined, [], [""], ["C"], ["de_DE.UTF-8"], ["constructor"], ["fr", "x"]]) {
    check(`${JSON.stringify(languages)} is read in English`, picked(languages) === "en en", picked(languages));
  }
  for (const [tag, wanted] of [["en-US-u-ca-buddhist", "en-US en"], ["de-at", "de-AT de"], ["es-419-u-nu-thai", "es-419 es"]]) {
    check(`${tag} is ${wanted}`, picked(["C", tag]) === wanted, picked(["C", tag]));
  }
  const evening = "2026-03-02T18:30:00Z";
  const say = (zone: unknown) => dates.sayTime("en-GB", evening, zone);
  check("a zone's clock", say("Europe/Madrid") === "Mon 2 Mar, 19:30", say("Europe/Madrid"));
  for (const zone of [undefined, "", "Etc/Nowhere", "Mars/Base"]) {
    check(`the zone ${JSON.stringify(zone)} is UTC, and says so`, say(zone) === "Mon 2 Mar, 18:30 UTC", say(zone));
    check("and midnight is the day before", dates.sayUntil("en-GB", "2026-03-03T00:00:00Z", zone) === "Mon 2 March", zone);
  }
  const buddhist = dates.sayDate("en-US-u-ca-islamic-nu-thai", "2026-03-02");
  check("dates are Gregorian, in plain digits", buddhist === "Monday, March 2", buddhist);
  const shared = JSON.parse(readFileSync(process.argv[3] ?? "", "utf8"));
  check("the services are those of the mails", JSON.stringify(numbers.SERVICES) === JSON.stringify(shared.codes), "tests/numbers.json");
  for (const [typed, wanted] of shared.cases) {
    const pieces: { text: string; digits?: string }[] = numbers.numbersIn(typed);
    const digits = JSON.stringify(pieces.flatMap((piece) => piece.digits ?? []));
    check(`${JSON.stringify(typed)} is dialled number by number`, digits === JSON.stringify(wanted), digits);
    check("and nothing of it is lost", pieces.map((piece) => piece.text).join("") === typed, typed);
  }
});
