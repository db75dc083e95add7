"""Configuration errors in plain words: the option, its value and the remedy, in one sentence."""

import json
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from observer.config.settings import Settings
from observer.model.redaction import without_password

SECRETS = ("password", "dsn", "write", "read")


def sections() -> dict[str, type[BaseModel]]:
    """Return the model of each section of observer.toml."""
    models = ((name, field.annotation) for name, field in Settings.model_fields.items())
    return {name: model for name, model in models if isinstance(model, type) and issubclass(model, BaseModel)}


def sentence(error: ValidationError) -> str:
    """Return one sentence about the first error. Values of secret options and passwords in values are left out."""
    first = error.errors(include_url=False)[0]
    location = [str(part) for part in first["loc"]]
    if first["type"] == "extra_forbidden":
        return unknown(location)
    section, option = location[:2]
    if first["type"] == "value_error":
        remedy = str(first["ctx"]["error"])
    else:
        field = sections()[section].model_fields[option]
        remedy = f"write {_form(field.annotation, [field])}"
        if get_origin(field.annotation) is Literal:
            near = closest(str(first["input"]), get_args(field.annotation))
            remedy += f" (did you mean {json.dumps(near)}?)" if near else ""
    name = ".".join(location[:2] + [part for part in location[2:] if not part.isdigit()])
    value = "" if set(location) & set(SECRETS) else f" = {json.dumps(first['input'], ensure_ascii=False, default=str)}"
    return f"{without_password(f'{name}{value} is not valid: {remedy}')}."


def closest(word: str, choices: Iterable[str]) -> str | None:
    """Return the choice most like a word, or like its beginning; None if no choice is like it."""

    def likeness(choice: str) -> float:
        return max(SequenceMatcher(None, word, part).ratio() for part in (choice, choice[: len(word)]))

    best = max(choices, key=likeness)
    return best if likeness(best) >= 0.6 else None


def unknown(location: Sequence[str]) -> str:
    """Return the sentence about a section or an option that does not exist."""
    section, *option = location
    known = list(sections()[section].model_fields if option else sections())
    what, form = (f"option {'.'.join(location)}", f"{section}.{{}}") if option else (f"section [{section}]", "[{}]")
    near = closest(location[-1], known)
    remedy = f"; write {form.format(near)}" if near else ""
    return f"unknown {what}{remedy} (known are: {', '.join(known)})."


def _form(annotation: Any, metadata: Sequence[Any]) -> str:
    """Return what an option takes, in words, from its type and its limits."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return _form(inner, [*metadata, *more])
    if get_origin(annotation) in (Union, UnionType):
        return next(_form(each, metadata) for each in get_args(annotation) if each is not NoneType)
    if get_origin(annotation) is Literal:
        return f"one of {', '.join(json.dumps(choice) for choice in get_args(annotation))}"
    if get_origin(annotation) is tuple:
        return 'a list of texts in quotes: ["...", "..."]'
    if get_origin(annotation) is dict:
        value = '"..."' if get_args(annotation)[1] is str else '["..."]'
        return f"a table: {{ NAME = {value} }}"
    if annotation in (str, SecretStr):
        return "text in quotes"
    return f"a {'whole number' if annotation is int else 'number'} {_limits(metadata)}"


def _limits(metadata: Sequence[Any]) -> str:
    limits = [limit for each in metadata for limit in (each.metadata if isinstance(each, FieldInfo) else [each])]
    words = (("gt", "above"), ("ge", "of at least"), ("le", "of at most"))
    found = [(word, getattr(limit, name, None)) for limit in limits for name, word in words]
    return " and ".join(f"{word} {bound}" for word, bound in found if bound is not None)
