"""The configuration: one tree of frozen dataclasses.

The same tree is the command line of `speechrnn train` (each field a flag, each docstring its help), the
`config.json` of a model folder and part of the metadata of an `.onnx`. `Model` is what running needs, `Run`
is what training needs and holds a `Model`. Values only: whatever is built from them is built elsewhere.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import msgspec

from speechrnn.errors import SpeechRnnError

Section = TypeVar("Section")


@dataclass(frozen=True)
class FrontEnd:
    """From samples to features: framing, spectrum, mel bins, logarithm, normalisation."""

    kind: Literal["logmel", "mfcc"] = "logmel"
    """Features: log-mel energies or mel-frequency cepstra."""
    convention: Literal["kaldi", "librosa", "torchaudio", "nemo"] = "kaldi"
    """Whose definition of framing, window, mel scale and floor to follow."""
    sample_rate: int = 16000
    """Sampling rate in Hz; recordings are resampled to it."""
    window_ms: float = 25.0
    """Length of the analysis window in milliseconds."""
    hop_ms: float = 10.0
    """Distance between windows in milliseconds."""
    bins: int = 80
    """Number of mel bins."""
    low_hz: float = 20.0
    """Lower edge of the lowest mel bin in Hz."""
    high_hz: float = -400.0
    """Upper edge of the highest mel bin in Hz; zero or less counts from half the sampling rate."""
    cepstra: int = 13
    """Number of cepstra kept (mfcc only)."""
    deltas: Literal[0, 1, 2] = 0
    """Orders of time derivatives appended to the features."""
    normalisation: Literal["utterance", "global", "none"] = "utterance"
    """Mean 0 and deviation 1 in each bin: per utterance, over the training set, or not at all."""


@dataclass(frozen=True)
class Encoder:
    """From features to hidden states: convolutional subsampling, then a stack of recurrent layers."""

    cell: Literal["lstm", "gru", "rnn", "none"] = "lstm"
    """Recurrent cell; `none` is the feed-forward baseline."""
    layers: int = 4
    """Number of recurrent layers."""
    width: int = 320
    """Units of each layer and direction."""
    bottleneck: int = 0
    """Width to which a linear map brings what a layer reads; 0 has it read all there is."""
    bidirectional: bool = True
    """Read the utterance in both directions."""
    stride: Literal[1, 2, 3, 4, 6, 8] = 3
    """Subsampling in time: features of 10 ms become frames of stride x 10 ms."""
    phases: Literal[1, 2] = 2
    """How often a trained model looks at a recording: the second time frames begin a third of a frame
    earlier, and the mean counts. Training looks once, at an utterance that it moves (`shift_ms`)."""
    channels: int = 32
    """Channels of the subsampling convolutions."""
    dropout: float = 0.3
    """Share of units silenced between layers, the same ones for a whole utterance."""


@dataclass(frozen=True)
class Writer:
    """From sounds to text: recurrent layers that read what the encoder hears, see `speechrnn writer`."""

    layers: int = 0
    """Number of recurrent layers, of the same kind as the encoder's; 0 reads the text off the encoder."""
    bottleneck: int = 192
    """Numbers that are left of the layers for each frame, and that the head reads, which can so have many
    thousand tokens."""


@dataclass(frozen=True)
class Units:
    """What the network writes: characters or byte-pair pieces."""

    kind: Literal["characters", "bpe"] = "characters"
    """Characters of the training text, or pieces learnt from it (sentencepiece)."""
    pieces: int = 128
    """Number of pieces (bpe only)."""
    words: int = 0
    """How many of the pieces are whole words, the most frequent ones (bpe only). The rest is then learnt from
    the other words alone, and writes those."""


@dataclass(frozen=True)
class Model:
    """What a trained model is, apart from its weights."""

    front_end: FrontEnd = field(default_factory=FrontEnd)
    encoder: Encoder = field(default_factory=Encoder)
    writer: Writer = field(default_factory=Writer)
    units: Units = field(default_factory=Units)


@dataclass(frozen=True)
class Augmentation:
    """What training does to recordings so that the model meets more than the corpus holds."""

    speeds: tuple[float, ...] = (0.9, 1.0, 1.1)
    """Speeds of which each utterance gets one per epoch."""
    shift_ms: float = 30.0
    """Farthest that an utterance is moved in time, either way, in ms: frames fall elsewhere on it."""
    gain_low_db: float = -30.0
    """Lowest gain in dB."""
    gain_high_db: float = 6.0
    """Highest gain in dB."""
    noise_share: float = 0.33
    """Share of utterances with added noise."""
    snr_low_db: float = 10.0
    """Lowest signal-to-noise ratio in dB."""
    snr_high_db: float = 40.0
    """Highest signal-to-noise ratio in dB."""
    reverb_share: float = 0.2
    """Share of utterances with a made-up room around them."""
    codec_share: float = 0.0
    """Share of utterances that go through a lossy codec: MP3, Vorbis, or a telephone line."""
    dither: float = 1.0
    """Deviation of the Gaussian noise always added, in 16-bit steps; running a model assumes 1."""
    frequency_masks: int = 2
    """Masks over mel bins."""
    frequency_mask_bins: int = 27
    """Widest frequency mask in bins."""
    time_mask_share: float = 0.15
    """Share of the frames under time masks, all of them together."""
    mask_after_updates: int = 1000
    """Masks begin after this many updates."""


@dataclass(frozen=True)
class Loss:
    """What the network is asked for in training besides the text at its end."""

    sounds: float = 0.5
    """Share of the loss for which the sounds of the words answer, where a lexicon says how words sound."""
    middle: float = 0.0
    """Share of the loss for which the middle of the stack answers, by the same head (intermediate CTC)."""
    consistency: float = 0.0
    """Weight of the agreement of two masked views of each utterance (CR-CTC); 0 looks at it once."""


@dataclass(frozen=True)
class Batching:
    """How utterances are put together."""

    seconds: float = 100.0
    """Seconds of audio in a batch, padding included, over all processes; 0 finds out how many fit the GPU."""
    max_utterance_seconds: float = 20.0
    """Longer utterances are left out."""
    workers: int = 1
    """Processes that prepare batches; 0 prepares them in the training process."""


@dataclass(frozen=True)
class Optimisation:
    """How weights are found."""

    peak_rate: float = 1e-3
    """Highest learning rate."""
    weight_decay: float = 1e-2
    """Decoupled weight decay of matrices and kernels."""
    warmup_share: float = 0.05
    """Share of the updates in which the learning rate rises; after them it falls as a cosine to zero."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    accumulate: int = 1
    """Batches whose gradients make one update."""
    ema: float = 0.999
    """Decay of the running average of the weights, which is the result; 0 keeps the last weights."""


@dataclass(frozen=True)
class Run:
    """A training run, whole."""

    model: Model = field(default_factory=Model)
    augmentation: Augmentation = field(default_factory=Augmentation)
    loss: Loss = field(default_factory=Loss)
    batching: Batching = field(default_factory=Batching)
    optimisation: Optimisation = field(default_factory=Optimisation)
    updates: int = 0
    """Number of updates; 0 derives it from `minutes` or `epochs`."""
    epochs: float = 60.0
    """Passes over the corpus, where neither updates nor minutes are given."""
    minutes: float = 0.0
    """Time limit: measured once at the start, turned into a number of updates and stored as such."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train; `auto` takes a GPU where there is one."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Number format of the encoder; `auto` times a few steps of each at the start and stores the faster."""
    evaluate_every: int = 500
    """Updates between evaluations on the validation set."""
    save_minutes: float = 5.0
    """Minutes between saves of the state that a run continues from; each validation saves it as well."""
    threads: int = 0
    """Processor cores to train on, without a GPU; 0 takes all that this process may use."""
    seed: int = 0
    """Seed of the weights, of the order and of all augmentation."""


def as_plain(section: Any) -> dict[str, Any]:
    """Return the tree under `section` as nested dictionaries of JSON values."""
    plain: dict[str, Any] = dataclasses.asdict(section)
    return plain


def from_plain(plain: object, kind: type[Section], source: str) -> Section:
    """Return `plain` (nested dictionaries) as a `kind`; `source` is the file named in the error."""
    try:
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        raise SpeechRnnError(
            f"{source}: configuration does not fit ({error}); it was made by another version"
        ) from None
