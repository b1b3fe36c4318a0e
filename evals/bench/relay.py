"""What most tutorials build: FastAPI relaying `ChatOpenAI.astream`, without one check.

The yardstick of the benchmark: `python -m evals.bench.relay --port N --upstream URL`.
"""

import argparse
import json
from collections.abc import AsyncIterator

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from langchain_openai import ChatOpenAI
from pydantic import SecretStr


def create_relay(upstream: str) -> FastAPI:
    """Make the relay's application."""
    app = FastAPI()
    model = ChatOpenAI(
        model_name="qwen-bench", openai_api_base=upstream, openai_api_key=SecretStr("none")
    )

    @app.post("/chat")
    async def chat(request: dict[str, str]) -> StreamingResponse:
        async def frames() -> AsyncIterator[str]:
            async for chunk in model.astream(request["message"]):
                yield f"data: {json.dumps({'text': chunk.content})}\n\n"
            yield "data: [DONE]\n\n"

        return StreamingResponse(frames(), media_type="text/event-stream")

    return app


def main() -> None:
    """Serve on loopback."""
    parser = argparse.ArgumentParser(prog="evals.bench.relay", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True)
    given = parser.parse_args()
    uvicorn.run(
        create_relay(given.upstream), port=given.port, log_level="warning", access_log=False
    )


if __name__ == "__main__":
    main()
