"""Writes the modules that connect scripts with answers and contexts: of a pack, and of a job."""

from __future__ import annotations

from collections.abc import Sequence

from stt_worker.sandbox.wire import Item


def pack_source(items: Sequence[Item]) -> str:
    """The module with the scripts of `items`: `run` calls the one of a number."""
    numbers = range(len(items))
    places = [(list(item.places), item.whole) for item in items]
    return "\n".join(
        [
            'load("out", out="out", out_of_pmm="out_of_pmm")',
            *(f'load("s{number}", s{number}="check_context")' for number in numbers),
            f"scripts = [{', '.join(f's{number}' for number in numbers)}]",
            f"places = {places}",
            f"with_releases = {[item.releases for item in items]}",
            f"outs = [{', '.join('out_of_pmm' if item.pmm else 'out' for item in items)}]",
            f"of_pmm = {[item.pmm for item in items]}",
            "def run(number, docs, plain, full, pmm):",
            "    context = full if with_releases[number] else plain",
            "    return outs[number](scripts[number](docs, pmm if of_pmm[number] else context))",
        ]
    )


def driver_source(small: Sequence[int], single: Sequence[int]) -> str:
    """The module of a job: `go` runs one script with its answers, `together` several."""
    values = [f"{place}: small[{number}]" for number, place in enumerate(small)]
    values += [f"{place}: a{place}" for place in single]
    return "\n".join(
        [
            'load("pack", run="run", places="places")',
            'load("plain", plain="value")',
            'load("full", full="value")',
            'load("pmm", pmm="value")',
            'load("small", small="value")',
            *(f'load("a{place}", a{place}="value")' for place in single),
            f"values = {{{', '.join(values)}}}",
            "docs = [values[at[0]] if alone else [values[n] for n in at] for at, alone in places]",
            "def go(number):",
            "    return run(number, docs[number], plain, full, pmm)",
            "def together(numbers):",
            "    return '\\n'.join([run(one, docs[one], plain, full, pmm) for one in numbers])",
        ]
    )
