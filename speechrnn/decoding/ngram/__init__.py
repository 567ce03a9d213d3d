"""n-gram language models: estimated from text, read and written as ARPA, looked up by the beam search.

The way of the data, one file each:

- `counts`: text -> distinct n-grams with their counts (`text_blocks` opens files, `word_table` numbers words)
- `kneser_ney`, `pruning`: counts -> probabilities and back-off weights (`backoff_model`)
- `arpa_reading`, `arpa_writing`: the same model to and from the ARPA text format
- `automaton`, `arc_table`: the model as states and arcs, and `score`, which a compiled search calls
- `model`: `NgramModel`, an automaton in one file that opens by memory mapping (`container`)
- `perplexity`: how well a model predicts a text

Words, characters and byte-pair pieces are all symbols separated by spaces here. Text is taken as it stands.
"""
