"""What a network says: outputs of the graph that hold log-probabilities, and how a writer reads one of them.

A writer makes text of the sounds (`training/model/writer.py`, `export/writer.py`).
"""

LOG_PROBS = "log_probs"
"""Of the tokens of the text, float32 `[batch, frames, tokens]`."""
SOUNDS = "sounds"
"""Of the sounds of the words, float32 `[batch, frames, sounds]`, where the model knows them."""

FRAMES_A_STEP = 2
"""Frames of sounds that a writer reads in a step, and as many of tokens that it writes."""
QUIETEST = -12.0
"""Log-probabilities below are all the same to a writer."""
