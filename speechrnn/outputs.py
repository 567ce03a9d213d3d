"""The names of what a network says: outputs of the graph that hold log-probabilities, one head each."""

LOG_PROBS = "log_probs"
"""Of the tokens of the text, float32 `[batch, frames, tokens]`."""
SOUNDS = "sounds"
"""Of the sounds of the words, float32 `[batch, frames, sounds]`, where the model knows them."""
