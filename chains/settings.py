"""How the path behaves: plain data, filled in by whoever builds the chain."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field


class ChainSettings(BaseModel):
    """Bounds and deadlines of the path of one message."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_message_chars: int = Field(default=8000, ge=1)
    """Longest message a person may send, in characters."""
    history_tokens: int = Field(default=3000, ge=0)
    """Budget of earlier exchanges in the prompt, in estimated tokens."""
    summary_tokens: int = Field(default=500, ge=0)
    """Budget of the summary of exchanges that do not fit, in estimated tokens; 0 for none."""
    passages: int = Field(default=6, ge=1, le=20)
    """Most passages in a prompt."""
    passage_tokens: int = Field(default=2400, ge=100)
    """Budget of all passages in a prompt, in estimated tokens."""
    retrieval_deadline: timedelta = timedelta(milliseconds=150)
    """How long retrieval may take before the answer goes on without it."""
    follow_ups: int = Field(default=3, ge=0, le=10)
    """Most questions to try next that an answer comes with; 0 offers none. Under `strict`, where
    nothing passes without the judge, there are none either."""
    follow_ups_deadline: timedelta = timedelta(milliseconds=250)
    """How long finding them may hold up a run's last word; the answer is whole by then."""
    queue_pieces: int = Field(default=16, ge=1)
    """Windows generated ahead of the rails before the model is made to wait."""
