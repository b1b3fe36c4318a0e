from api.transcript import Transcript
from chains.events import Citation, MessageDelta


def test_a_delta_replaces_what_follows_its_offset() -> None:
    """A revised answer begins again at offset 0; what was said and cited before is forgotten."""
    transcript = Transcript()
    transcript.add(MessageDelta(text="First words.", offset=0))
    transcript.add(Citation(n=1, source_id="p1", start=0, end=11))

    transcript.add(MessageDelta(text="Better", offset=0))
    transcript.add(MessageDelta(text=" words.", offset=6))

    assert transcript.text == "Better words."
    assert transcript.citations == []


def test_deltas_in_order_are_joined() -> None:
    """Deltas that begin where the text ends are appended."""
    transcript = Transcript()
    transcript.add(MessageDelta(text="One. ", offset=0))
    transcript.add(MessageDelta(text="Two.", offset=5))

    assert transcript.text == "One. Two."
