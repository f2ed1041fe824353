"""Runs what was registered: one line each, PASS, MISS or SKIP; exit code 1 if a promise was broken."""

import argparse
import os
import resource
import signal
import sys
import time
import traceback

from .registry import FAULTS, Miss, Skip
from .scene import Scene


def put(fault, numbers):
    """Puts one fault; gives the word for what came of it, and the line."""
    try:
        with Scene() as scene:
            return "PASS", fault.run(scene, **numbers)
    except Miss as why:
        return "MISS", str(why)
    except Skip as why:
        return "SKIP", str(why)
    except Exception as why:  # the fault could not be put: that is no pass either
        traceback.print_exc()
        return "MISS", f"the test itself failed: {type(why).__name__}: {str(why)[-400:]}"


def number(name):
    return (0, int(name[1:])) if name[1:].isdigit() else (1, name)


def main(prog, description, package):
    """Runs those that a module of `package` registered."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument("--quick", action="store_true", help="the small numbers of CI")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these")
    asked = parser.parse_args()
    ours = [fault for fault in FAULTS if fault.run.__module__.startswith(f"{package}.")]
    faults = sorted(ours, key=lambda fault: number(fault.name))
    unknown = set(asked.names) - {fault.name for fault in faults}
    if unknown:
        parser.error(
            f"there is no {', '.join(sorted(unknown))}; there are {', '.join(dict.fromkeys(f.name for f in faults))}"
        )
    if not os.access(os.environ.get("AFTERCARE_BIN", ""), os.X_OK):
        parser.error(f"AFTERCARE_BIN must name the server's binary; {prog} builds one")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started ends with the scene
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    words, began = [], time.monotonic()
    for fault in faults:
        if asked.names and fault.name not in asked.names:
            continue
        started = time.monotonic()
        word, line = put(fault, fault.quick if asked.quick else fault.full)
        print(f"{fault.name:4} {word}  {fault.title}: {line} ({time.monotonic() - started:.1f} s)", flush=True)
        words.append(word)
    counts = ", ".join(f"{words.count(word)} {word}" for word in ("PASS", "MISS", "SKIP"))
    print(f"{counts} ({time.monotonic() - began:.0f} s)")
    sys.exit(1 if "MISS" in words else 0)
