"""A language of tones, so small that a network learns it in seconds: every letter is a pitch.

Also the smallest settings of a run, and a made-up batch, for whatever tests training.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
import torch

from speechrnn import config
from speechrnn.manifest import Utterance, read_manifests, write_manifest
from speechrnn.training.data.batch import Batch, Example, stack
from speechrnn.training.run import Request, train

RATE = 8000
PITCHES = {"a": 300.0, "b": 600.0, "c": 1200.0, "d": 2400.0, " ": 150.0}
LETTER_SECONDS = 0.12
GAP_SECONDS = 0.06


def sung(text: str) -> np.ndarray:
    """Return `text` as float32 samples: a tone for each letter and space, silence between them."""
    time = np.arange(round(LETTER_SECONDS * RATE)) / RATE
    gap = np.zeros(round(GAP_SECONDS * RATE))
    tones = [0.3 * np.sin(2 * np.pi * PITCHES[letter] * time) for letter in text]
    return np.concatenate([part for tone in tones for part in (gap, tone)] + [gap]).astype(np.float32)


def sentence(random: np.random.Generator) -> str:
    """Return one to three words of one to three letters."""
    words = (
        "".join(random.choice(list("abcd"), random.integers(1, 4))) for _ in range(random.integers(1, 4))
    )
    return " ".join(words)


def tone_manifest(folder: Path, name: str, utterances: int, seed: int) -> Path:
    """Write a corpus of `utterances` by six speakers; return its manifest."""
    random = np.random.default_rng(seed)
    lines = []
    for number in range(utterances):
        text = sentence(random)
        audio = folder / f"{name}-{number}.wav"
        samples = sung(text)
        soundfile.write(audio, samples, RATE)
        speaker = f"{name}-{number % 6}"
        lines.append(Utterance(audio, text, len(samples) / RATE, speaker=speaker, id=f"{name}-{number}"))
    path = folder / f"{name}.jsonl"
    write_manifest(path, lines)
    return path


def tiny_run(**changes: object) -> config.Run:
    """Return the settings of a run of seconds, with `changes`."""
    run = config.Run(
        model=config.Model(
            config.FrontEnd(sample_rate=RATE, bins=20),
            config.Encoder(layers=1, width=24, channels=4, dropout=0.1),
        ),
        augmentation=config.Augmentation(mask_after_updates=3),
        batching=config.Batching(seconds=12.0, workers=0),
        optimisation=config.Optimisation(peak_rate=1e-2, ema=0.9),
        updates=8,
        device="cpu",
        precision="fp32",
        threads=2,
        evaluate_every=5,
    )
    return replace(run, **changes)  # type: ignore[arg-type]


def tone_request(folder: Path, to: Path, run: config.Run | None = None) -> Request:
    """Return a request to train on 40 utterances in `folder`, which are written if they are not there."""
    train, valid = folder / "train.jsonl", folder / "valid.jsonl"
    if not train.exists():
        folder.mkdir(parents=True, exist_ok=True)
        tone_manifest(folder, "valid", 6, seed=1)
        tone_manifest(folder, "train", 40, seed=0)
    return Request(run or tiny_run(), (train,), to, (valid,))


def hearing_request(folder: Path, updates: int) -> Request:
    """Return a request that was carried out in `folder`, with a lexicon that says words letter by letter.

    The folder also holds the lexicon and text.txt, all pairs of words.
    """
    request = tone_request(folder, folder / "run", tiny_run(updates=updates, evaluate_every=updates))
    words = {word for one in read_manifests([*request.train, *request.valid]) for word in one.text.split()}
    lexicon = folder / "lexicon.txt"
    lexicon.write_text("".join(f"{word} {' '.join(word.upper())}\n" for word in sorted(words)))
    (folder / "text.txt").write_text("".join(f"{a} {b}\n" for a in sorted(words) for b in sorted(words)))
    request = replace(request, lexicon=lexicon)
    assert train(request, lambda text: None) is None
    return request


def tone_batch(utterances: int, seed: int = 0) -> Batch:
    """Return a batch of sentences whose tokens are a: 2, b: 3, c: 4, d: 5, space: 1."""
    random = np.random.default_rng(seed)
    texts = [sentence(random) for _ in range(utterances)]
    examples = [
        Example(
            sung(text), [" abcd".index(letter) + 1 for letter in text], seed=1000 * seed + n, id=f"{seed}/{n}"
        )
        for n, text in enumerate(sorted(texts, key=len, reverse=True))
    ]
    return stack(examples)


def same_weights(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Return whether two networks' weights are bitwise the same."""
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())
