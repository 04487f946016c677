"""Declare a setting at its field: text, unit, limits and rule; check a value against them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

Rule = Callable[[Any], str]  # the fault of a value, or an empty text

_TYPES: dict[object, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    tuple: "a list of texts",
    dict: "a table of texts",
}
_EXTRA = "stt"


def no_rule(_value: Any) -> str:
    """Accept every value of the right type."""
    return ""


@dataclass(frozen=True, slots=True)
class _Extra:
    """The parts of a declaration that msgspec.Meta has no parameter for."""

    unit: str
    choices: tuple[str, ...]
    rule: Rule
    secret: bool
    address: bool
    foreign: str


def setting(
    text: str,
    *,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
    choices: tuple[str, ...] = (),
    rule: Rule = no_rule,
    secret: bool = False,
    address: bool = False,
    foreign: str = "",
) -> msgspec.Meta:
    """The annotation of a setting's field; `text` says what the setting is for.

    `low` and `high` are inclusive, `unit` is that of a number. `choices` are the accepted texts,
    `rule` checks what no limit expresses. The value of a `secret` is never shown, that of an
    `address` is hidden where it holds an `@`. `foreign` is the variable of other tools that is read
    where ours is unset.
    """
    extra = _Extra(unit, choices, rule, secret, address, foreign)
    schema = {"enum": list(choices)} if choices else None
    return msgspec.Meta(
        description=text, ge=low, le=high, extra_json_schema=schema, extra={_EXTRA: extra}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting as its field declares it."""

    section: str
    key: str
    type: Any  # without its annotation
    default: Any
    meta: msgspec.Meta
    extra: _Extra

    @property
    def name(self) -> str:
        """`section.key`, or the key alone."""
        return f"{self.section}.{self.key}" if self.section else self.key

    @property
    def annotated(self) -> Any:
        """The type with its annotation, as msgspec reads it."""
        return Annotated[self.type, self.meta]

    @property
    def text(self) -> str:
        """What the setting is for."""
        return str(self.meta.description)

    @property
    def foreign(self) -> str:
        """The variable of other tools that is read where ours is unset, or an empty text."""
        return self.extra.foreign

    @property
    def secret(self) -> bool:
        """Whether the value is never shown."""
        return self.extra.secret

    @property
    def address(self) -> bool:
        """Whether the value may hold a password before an `@`."""
        return self.extra.address

    @property
    def limits(self) -> str:
        """The accepted values as text, e.g. `0.1 to 300 s`; empty if there is no limit."""
        if self.extra.choices:
            return "one of " + ", ".join(self.extra.choices)
        if self.meta.ge is None:
            return ""
        return f"{self.meta.ge:g} to {self.meta.le:g} {self.extra.unit}".rstrip()

    def check(self, value: object, *, from_text: bool = False) -> Any:
        """`value` converted to the type of the field; raises ValueError with what was expected.

        `from_text`: numbers, booleans and lists (separated by commas) are read from a text.
        """
        if from_text and isinstance(value, str) and get_origin(self.type) is tuple:
            value = [part.strip() for part in value.split(",") if part.strip()]
        try:
            found = msgspec.convert(value, self.type, strict=not from_text)
        except msgspec.ValidationError:
            kind = _TYPES[get_origin(self.type) or self.type]
            expected = ", ".join(part for part in (kind, self.limits) if part)
            raise ValueError(f"expected {expected}") from None
        # The rule comes first: its text says more than a list of choices.
        if fault := self.extra.rule(found):
            raise ValueError(fault)
        low, high, choices = self.meta.ge, self.meta.le, self.extra.choices
        # NaN compares false with both limits, so it is outside.
        inside = low is None or high is None or low <= found <= high
        if not inside or (choices and found not in choices):
            raise ValueError(f"expected {self.limits}")
        return found


def fields_of(section: str, kind: type[msgspec.Struct]) -> Iterator[Setting]:
    """The settings that the fields of `kind` declare, in order."""
    hints = get_type_hints(kind, include_extras=True)
    for field in msgspec.structs.fields(kind):
        plain, meta, *_ = get_args(hints[field.name])
        default = field.default  # NODEFAULT for a required key
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        yield Setting(
            section=section,
            key=field.name,
            type=plain,
            default=default,
            meta=meta,
            extra=meta.extra[_EXTRA],
        )


def environment_name(name: str) -> str:
    """The environment variable of a setting, e.g. `STT_NATS_URL`; `_FILE` appended reads a file."""
    return "STT_" + name.replace(".", "_").upper()


def flag_name(name: str) -> str:
    """The command-line flag of a setting, e.g. `--nats-timeout-s`."""
    return "--" + name.replace(".", "-").replace("_", "-")
