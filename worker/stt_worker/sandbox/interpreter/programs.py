"""Writes the modules that connect scripts with answers and contexts: of a pack, and of a job."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from stt_worker.sandbox.wire import Item


def pack_source(
    items: Sequence[Item], functions: Collection[str], functions_of_pmm: Collection[str]
) -> str:
    """The module with the scripts of `items`: `bind` gives them a job's answers, `run` calls one.

    It has callables of the names in `functions`, which become functions of the context, and with
    the prefix `pmm_` those of the scripts of PMM.
    """
    numbers = range(len(items))
    slots = {place: slot for slot, place in enumerate(places_of(items))}
    places = [([slots[place] for place in item.places], item.whole) for item in items]
    of_pmm = [item.pmm for item in items]
    pmm = f"full | dict([{', '.join(f'({name!r}, pmm_{name})' for name in functions_of_pmm)}])"
    return "\n".join(
        [
            'load("out", out="out", out_of_pmm="out_of_pmm")',
            *(f'load("s{number}", s{number}="check_context")' for number in numbers),
            f"scripts = [{', '.join(f's{number}' for number in numbers)}]",
            f"places = {places}",
            f"with_releases = {[item.releases for item in items]}",
            f"outs = [{', '.join('out_of_pmm' if item.pmm else 'out' for item in items)}]",
            f"of_pmm = {of_pmm}",
            f"functions = [{', '.join(f'({name!r}, {name})' for name in functions)}]",
            "def bind(answers, plain, releases):",
            # A malformed answer must not move the others to the places of their neighbours.
            f"    if len(answers) != {len(slots)}:",
            "        fail('an answer is not one value')",
            "    plain.update(functions)",
            "    full = plain if releases == None else plain | {'releases': releases}",
            f"    pmm = {pmm if any(of_pmm) else 'full'}",
            "    docs = [",
            "        answers[at[0]] if alone else [answers[slot] for slot in at]",
            "        for at, alone in places",
            "    ]",
            "    return docs, plain, full, pmm",
            "def run(number, docs, plain, full, pmm):",
            "    context = full if with_releases[number] else plain",
            "    return outs[number](scripts[number](docs, pmm if of_pmm[number] else context))",
        ]
    )


def driver_source(places: Sequence[int] | None) -> str:
    """The module of a job: `go` runs one script with its answers, `together` several.

    `text` is the JSON of all answers and the context. The answers of `places`, if given, are
    values of modules of their own instead, and `text` has only the context.
    """
    answers = "given" if places is None else f"[{', '.join(f'a{place}' for place in places)}]"
    return "\n".join(
        [
            'load("pack", bind="bind", run="run")',
            'load("releases", releases="value")',
            *(f'load("a{place}", a{place}="value")' for place in places or ()),
            "given, context = json.decode(text)",
            f"docs, plain, full, pmm = bind({answers}, context, releases)",
            "def go(number):",
            "    return run(number, docs[number], plain, full, pmm)",
            "def together(numbers):",
            "    return '\\n'.join([run(one, docs[one], plain, full, pmm) for one in numbers])",
        ]
    )


def places_of(items: Sequence[Item]) -> list[int]:
    """The places of the answers that `items` read, in the order in which `bind` takes them."""
    return sorted({place for item in items for place in item.places})
