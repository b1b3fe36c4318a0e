"""Turns and passages as tests need them."""

from chains.turn import Passage, Turn


def bare_turn(question: str) -> Turn:
    """A turn as a caller hands it in."""
    return Turn(run_id="run_1", session_id="ses_1", message_id="msg_1", question=question)


def passage(n: int, text: str) -> Passage:
    """A passage of a document of its own."""
    return Passage(id=f"p{n}", doc_id=f"d{n}", title=f"Document {n}", text=text, score=1 / n)
