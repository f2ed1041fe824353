// Locales, dates and times of the pages. A browser may know no such zone, or name a locale that is none: a page must open all the same,
// because the emergency number is on it.

/** The first language of the reader that `known` has, with its region, and without a calendar or digits of its own: the plan's days are Gregorian. */
export function pickLocale(languages, known) {
  for (const tag of languages ?? []) {
    try {
      const { language, baseName } = new Intl.Locale(tag);
      if (Object.hasOwn(known, language)) return { locale: baseName, language };
    } catch { /* "C", "", "de_DE.UTF-8": no locale. */ }
  }
  return { locale: "en", language: "en" };
}

function isKnown(timeZone) {
  try {
    return Boolean(timeZone && new Intl.DateTimeFormat("en", { timeZone }));
  } catch {
    return false;
  }
}

/** A formatter for that zone. Where the browser does not know the zone, times are of UTC and say so. */
function formatter(locale, fields, timeZone) {
  const zone = isKnown(timeZone) ? { timeZone } : { timeZone: "UTC", ...(fields.hour ? { timeZoneName: "short" } : {}) };
  return new Intl.DateTimeFormat(locale, { calendar: "gregory", numberingSystem: "latn", ...fields, ...zone });
}

/** A date without a time. */
export const sayDate = (locale, date) => formatter(locale, { weekday: "long", day: "numeric", month: "long" }, "UTC").format(new Date(date));

/** An instant, on the clock of the zone. */
export const sayTime = (locale, stamp, timeZone) =>
  formatter(locale, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }, timeZone).format(new Date(stamp));

/** An end. The end of a day is said as that day: midnight reads like the day after. */
export function sayUntil(locale, stamp, timeZone) {
  const parts = formatter("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }, timeZone).formatToParts(new Date(stamp));
  const isMidnight = ["hour", "minute"].every((kind) => parts.find(({ type }) => type === kind)?.value === "00");
  if (!isMidnight) return sayTime(locale, stamp, timeZone);
  return formatter(locale, { weekday: "short", day: "numeric", month: "long" }, timeZone).format(new Date(Date.parse(stamp) - 1));
}
