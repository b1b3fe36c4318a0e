"""Keys of NeMo Guardrails' configuration that NeMo itself would silently ignore."""

from typing import get_args

from pydantic import BaseModel

from guardrails.source import Document, Place, Problem


def unknown_keys(
    document: Document, value: object, model: type[BaseModel], place: Place
) -> list[Problem]:
    """Keys of a configuration that NeMo would silently ignore, with their lines."""
    if not isinstance(value, dict):
        return []
    problems: list[Problem] = []
    names = {f.alias or name: f.annotation for name, f in model.model_fields.items()}
    names |= {name: f.annotation for name, f in model.model_fields.items()}
    for key, inner in value.items():
        at = (*place, str(key))
        if key not in names:
            known = ", ".join(sorted(names))
            problems.append(
                document.problem(at, f"unknown key '{'.'.join(map(str, at))}'", f"known: {known}")
            )
            continue
        for kind in _models_in(names[key]):
            items = enumerate(inner) if isinstance(inner, list) else [(None, inner)]
            for index, item in items:
                deeper = at if index is None else (*at, index)
                problems.extend(unknown_keys(document, item, kind, deeper))
    return problems


def _models_in(annotation: object) -> list[type[BaseModel]]:
    """The models an annotation holds, also inside Optional and List."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]
