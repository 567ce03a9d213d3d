"""The peers of `benchmark_decoding.py`, each run by a Python of its own environment.

    PYTHON decoding_peers.py flashlight|pyctcdecode EMISSIONS.npz MODEL.arpa ALPHABET

A line of JSON on stdin asks for a run: `{"beam": 25, "weight": 0.5, "bonus": 1.0, "utterances": [...]}`. A
line on stdout answers: `{"seconds": processor time, "texts": [...]}`. Only numpy and the peer are needed.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

Array = np.ndarray[tuple[int, int], np.dtype[np.float32]]
Decoder = Callable[[Array], str]
Peer = Callable[[int, float, float], Decoder]
"""Makes a decoder of a beam, the weight of the language model (natural logarithms) and a word's bonus."""

LN_10 = 2.302585
TOKENS_A_FRAME = 15  # flashlight's beam for tokens
THRESHOLD = 50.0  # flashlight's: the distance from the best at which a hypothesis is dropped


def flashlight(arpa: str, alphabet: str) -> Peer:
    """Return flashlight's decoder with a lexicon of the model's words and its look-ahead."""
    from flashlight.lib.text.decoder import (
        CriterionType,
        LexiconDecoder,
        LexiconDecoderOptions,
        SmearingMode,
        Trie,
    )
    from flashlight.lib.text.decoder.kenlm import KenLM
    from flashlight.lib.text.dictionary import Dictionary

    tokens = Dictionary(["-", *alphabet.replace(" ", "|")])
    separator = tokens.get_index("|")
    written = [word for word in words_of(arpa) if set(word) <= set(alphabet)]
    words = Dictionary([*written, "<unk>"])
    words.set_default_index(words.get_index("<unk>"))
    model = KenLM(arpa, words)
    trie = Trie(tokens.index_size(), separator)
    start = model.start(False)
    for word in written:
        number = words.get_index(word)
        _, score = model.score(start, number)
        trie.insert([*map(tokens.get_index, word), separator], number, score)
    trie.smear(SmearingMode.MAX)

    def decoder(beam: int, weight: float, bonus: float) -> Decoder:
        options = LexiconDecoderOptions(
            beam_size=beam,
            beam_size_token=TOKENS_A_FRAME,
            beam_threshold=THRESHOLD,
            lm_weight=weight * LN_10,  # KenLM's logarithms have base 10
            word_score=bonus,
            unk_score=-np.inf,
            sil_score=0.0,
            log_add=False,
            criterion_type=CriterionType.CTC,
        )
        made = LexiconDecoder(options, trie, model, separator, 0, words.get_index("<unk>"), [], False)

        def decode(log_probs: Array) -> str:
            results = made.decode(log_probs.ctypes.data, *log_probs.shape)
            return (
                " ".join(words.get_entry(word) for word in results[0].words if word >= 0) if results else ""
            )

        return decode

    return decoder


def pyctcdecode(arpa: str, alphabet: str) -> Peer:
    """Return pyctcdecode's decoder with the model's words and its own defaults."""
    from pyctcdecode import build_ctcdecoder

    made = build_ctcdecoder(["", *alphabet], arpa, list(words_of(arpa)))

    def decoder(beam: int, weight: float, bonus: float) -> Decoder:
        made.reset_params(alpha=weight, beta=bonus)
        return lambda log_probs: str(made.decode(log_probs, beam_width=beam))

    return decoder


def words_of(arpa: str) -> Iterator[str]:
    """Yield the words of an ARPA file, without those in angle brackets."""
    with open(arpa, encoding="utf-8") as stream:
        for line in stream:
            if line.startswith("\\1-grams:"):
                break
        for line in stream:
            if line.startswith("\\"):
                return
            fields = line.split()
            if len(fields) >= 2 and not fields[1].startswith("<"):
                yield fields[1]


def main() -> None:
    """Answer requests until stdin ends."""
    name, emissions, arpa, alphabet = sys.argv[1:]
    answers, sys.stdout = sys.stdout, sys.stderr  # what the peers print is no answer
    peer = {"flashlight": flashlight, "pyctcdecode": pyctcdecode}[name](arpa, alphabet)
    arrays = {key: np.ascontiguousarray(value, np.float32) for key, value in np.load(emissions).items()}
    for line in sys.stdin:
        request = json.loads(line)
        decode = peer(request["beam"], request["weight"], request["bonus"])
        start = time.process_time()
        texts = [decode(arrays[name]) for name in request["utterances"]]
        print(json.dumps({"seconds": time.process_time() - start, "texts": texts}), file=answers, flush=True)


if __name__ == "__main__":
    main()
