"""Whether packet bytes are in a text: as they are, or in an encoding that clients use."""

import base64

# Bytes of a capture that are looked for. A ladder cannot contain so many by chance: every place
# has binary headers or several header fields in it.
PIECE_BYTES = 96
# Base64 of a piece depends on where the piece begins in its group of three bytes.
GROUP_BYTES = 3


def places(capture: bytes) -> list[int]:
    """Where pieces begin: the first and last packet, and many between."""
    last = len(capture) - PIECE_BYTES
    return sorted({0, last, *(last * part // 16 for part in range(16))})


def encodings(piece: bytes) -> list[str]:
    """What a piece may look like in a text. Every reading of its bytes as text is tried."""
    texts = [piece.hex(), piece.hex().upper(), piece.hex(" ")]
    texts += [piece.decode(how, "ignore") for how in ("latin-1", "utf-8")]
    texts.append(piece.decode("utf-8", "replace"))
    for shift in range(GROUP_BYTES):
        # The last group may go on with bytes that are not in this piece.
        whole = piece[shift:][: (PIECE_BYTES - GROUP_BYTES) // GROUP_BYTES * GROUP_BYTES]
        encoded = base64.b64encode(whole).decode()
        texts += [encoded, encoded.replace("+", "-").replace("/", "_")]
    return texts


def leaks(capture: bytes, text: str) -> list[int]:
    """The offsets of the pieces that are in the text."""
    found = []
    for at in places(capture):
        piece = capture[at : at + PIECE_BYTES]
        if any(encoded in text for encoded in encodings(piece)):
            found.append(at)
    return found
