"""Clocks that go forward and back: a reminder's hour by the server's own zone data, and by Python's. P5."""

import datetime
import json
import pathlib
import re
import subprocess
import zoneinfo

from .registry import fault, need_all

ZONES = (
    *("Europe/London", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Santiago", "Pacific/Apia"),
    "Africa/Casablanca",
)
NOON = 12 * 60
"""No clock is changed at noon: whoever differs there, differs in its zone data, and not in the rule."""

PLAN = """
schema = 1
key = "night"
procedure = "microneedling"
body_areas = ["face"]
horizon_day = 370
r2_start_day = 3
assumptions = ["A1"]
title = {both}
approval = {both}

[[phase]]
key = "always"
days = ["0-370"]
title = {both}
common = {both}
do = {both}
assumptions = ["A1"]

[[item]]
key = "task"
kind = "task"
days = {days}
slots = {slots}
title = {both}
assumptions = ["A1"]
"""
SLOT = """
[[slot]]
key = "at-{minute}"
opens = "00:00"
remind = "{hour:02}:{rest:02}"
closes = "24:00"
"""


def first_showing(zone, date, minute):
    """The rule of `docs/ARCHITECTURE.md`: the first instant at which the clock shows that minute, or a later one."""
    local = datetime.datetime.combine(date, datetime.time(minute // 60, minute % 60))
    instant = local.replace(tzinfo=zone).timestamp()  # the first of two; in a gap, as much too late as the clock was put on
    while datetime.datetime.fromtimestamp(instant - 60, zone).replace(tzinfo=None) >= local:
        instant -= 60
    return instant


def days_of_change(zone, zero):
    """The days after `zero` on which the clock is changed, and those beside them; two of which nothing is to be said."""
    noons = [datetime.datetime.combine(zero + datetime.timedelta(day), datetime.time(12), zone) for day in range(367)]
    changed = {day for day in range(1, 366) if noons[day - 1].utcoffset() != noons[day].utcoffset()}
    return sorted({1, 182} | {near for day in changed for near in (day - 1, day, day + 1) if near > 0})


def simulated(home, zone, zero, days, minutes):
    """The reminders of a year in which everything is due at these minutes, by the server: (day, minute) -> instants."""
    both, slots = '{ en = "Invented.", es = "Inventado." }', [f"at-{minute}" for minute in minutes]
    text = PLAN.format(both=both, days=json.dumps([str(day) for day in days]), slots=json.dumps(slots))
    text += "".join(SLOT.format(minute=minute, hour=minute // 60, rest=minute % 60) for minute in minutes)
    plan, script = home.notes / "night.toml", home.notes / "night.json"
    plan.write_text(text)
    script.write_text(json.dumps({"script": {"treated_on": zero.isoformat(), "zone": zone}}))
    printed = home.must_run("protocol", "simulate", str(plan), "--script", str(script), "--json")
    found = {}
    for reminder in json.loads(printed)["reminders"]:
        due = datetime.datetime.fromisoformat(reminder["due_at"]).timestamp()
        found.setdefault((reminder["day"], int(reminder["slot"][3:])), []).append(due)
    return found


def versions(home):
    """Of the zone data: the server's, and the one that Python reads."""
    ours = re.search(r"bundled database (\S+)", home.run("doctor").stdout)
    files = [pathlib.Path(folder) / "tzdata.zi" for folder in zoneinfo.TZPATH]
    theirs = [file.read_text().split()[2] for file in files if file.exists()]
    return ours.group(1) if ours else "unknown", theirs[0] if theirs else "unknown"


@fault("F19", "reminders when the clock is changed", quick={"years": (2026, 2027, 2028), "every": 30, "chunk": 20},
       full={"years": range(2026, 2036), "every": 1, "chunk": 30})  # fmt: skip
def clock_is_changed(scene, years, every, chunk):
    """Minutes of the first four hours on the days about each change; and noon, for the data."""
    home = scene.home()
    minutes = sorted({near for at in range(0, 241, every) for near in (at - 1, at, at + 1) if 0 <= near <= 240})
    ours, theirs = versions(home)
    wrong, other_data, cases = [], set(), 0
    for name in ZONES:
        zone = zoneinfo.ZoneInfo(name)
        for year in years:
            zero = datetime.date(year - 1, 12, 31)
            days, found = days_of_change(zone, zero), {}
            for first in range(0, len(minutes), chunk):
                found |= simulated(home, name, zero, days, sorted({*minutes[first : first + chunk], NOON}))
            right = {
                (day, minute): [first_showing(zone, zero + datetime.timedelta(day), minute)]
                for day in days
                for minute in (*minutes, NOON)
            }
            if ours != theirs and any(found.get((day, NOON)) != right[day, NOON] for day in days):
                other_data.add(name)
                continue
            cases += len(right)
            differ = [of for of, at in right.items() if found.get(of) != at]
            wrong += [f"{name} {year}, day {day}, minute {minute}" for day, minute in differ]
    need_all(
        (not wrong, f"{len(wrong)} of {cases:,} are not when they should be: {'; '.join(wrong[:3])}"),
        (cases, "no zone could be compared"),
    )
    left = f"; left out ({ours}, Python has {theirs}): {', '.join(sorted(other_data))}" if other_data else ""
    return f"{cases:,} reminders, each once and when it should be{left}"
