"""Prefix beam search over CTC log-probabilities, with everything that is known of the language.

The way of the data: `search` (the public `BeamSearch`) compiles vocabulary (`spelling`), lexicon, grammar,
n-gram and hot words into `Rules` (`scorer`), `stream` feeds frames to the `kernel`, and `hypotheses` reads
the n-best list off the final beam, with word times (`word_times`). `rescoring` is for models that score whole
sentences.
"""
