"""What a fault is: a function that is given a scene and its numbers, and gives a line, or raises Miss or Skip."""

from collections.abc import Callable
from dataclasses import dataclass


class Miss(Exception):
    """A promise was broken; the text says which, in figures."""


class Skip(Exception):
    """The fault cannot be put here; the text says what is missing."""


@dataclass(frozen=True)
class Fault:
    """One fault, with the numbers of the quick and of the full run."""

    name: str
    title: str
    run: Callable[..., str]
    quick: dict
    full: dict


FAULTS: list[Fault] = []


def fault(name, title, quick, full):
    """Registers the function under the number that the reliability page gives the fault."""

    def register(run):
        FAULTS.append(Fault(name, title, run, quick, full))
        return run

    return register


def need(holds, why):
    """A promise: `why` says what was found where it does not hold."""
    need_all((holds, why))


def need_all(*promises):
    """Several promises, each with its `why`; a miss names every one that does not hold."""
    broken = [why for holds, why in promises if not holds]
    if broken:
        raise Miss("; ".join(broken))
