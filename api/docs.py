"""The API's documentation as one plain page, made from its OpenAPI document.

The usual viewers load scripts from elsewhere, which our content security policy forbids; this page
needs none.
"""

from html import escape
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse


def add_docs(app: FastAPI) -> None:
    """Serve the page at `/docs`."""

    async def docs(_: Request) -> HTMLResponse:
        return HTMLResponse(_page(app.openapi()))

    app.add_route("/docs", docs, include_in_schema=False)


def _page(document: dict[str, Any]) -> str:
    info = document["info"]
    operations = "".join(
        _operation(method, path, operation, document)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    events = "".join(
        _schema(reference.rsplit("/", 1)[-1], document)
        for reference in document["components"]["schemas"]["ChatEvent"]["discriminator"][
            "mapping"
        ].values()
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{escape(info["title"])} API</title>
</head>
<body>
<h1>{escape(info["title"])} API {escape(info["version"])}</h1>
<p>{escape(info["summary"])}</p>
<p>{escape(info["description"])}</p>
<p><a href="/api/v1/openapi.json">OpenAPI document</a></p>
<h2>Requests</h2>
{operations}
<h2>Events of a stream</h2>
{events}
</body>
</html>
"""


def _operation(method: str, path: str, operation: dict[str, Any], document: dict[str, Any]) -> str:
    parameters = "".join(
        f"<li><code>{escape(found['name'])}</code> ({escape(found['in'])}) "
        f"{escape(found.get('description', ''))}</li>"
        for found in operation.get("parameters", ())
    )
    body = "".join(
        _schema(name, document) for name in _references(operation.get("requestBody", {}))
    )
    answers = "".join(
        f"<li>{escape(status)}: {escape(answer['description'])}</li>"
        for status, answer in operation["responses"].items()
    )
    return (
        f"<h3><code>{escape(method.upper())} {escape(path)}</code></h3>"
        f"<p>{escape(operation.get('description', ''))}</p>"
        f"<ul>{parameters}</ul>{body}<ul>{answers}</ul>"
    )


def _schema(name: str, document: dict[str, Any]) -> str:
    schema = document["components"]["schemas"][name]
    fields = "".join(
        f"<li><code>{escape(field)}</code> {escape(_kind(shape))} "
        f"{escape(shape.get('description', ''))}</li>"
        for field, shape in schema.get("properties", {}).items()
    )
    title = schema.get("properties", {}).get("type", {}).get("const", name)
    about = escape(schema.get("description", ""))
    return f"<h4>{escape(title)}</h4><p>{about}</p><ul>{fields}</ul>"


def _kind(shape: dict[str, Any]) -> str:
    if "const" in shape:
        return f'"{shape["const"]}"'
    if "enum" in shape:
        return " | ".join(map(str, shape["enum"]))
    if "$ref" in shape:
        return str(shape["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in shape:
        return " | ".join(_kind(choice) for choice in shape["anyOf"])
    if shape.get("type") == "array":
        return f"list of {_kind(shape.get('items', {}))}"
    return str(shape.get("type", "anything"))


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        found = [node["$ref"].rsplit("/", 1)[-1]] if "$ref" in node else []
        return found + [name for value in node.values() for name in _references(value)]
    if isinstance(node, list):
        return [name for value in node for name in _references(value)]
    return []
