"""How the convolutions between features and recurrent layers shorten time and frequency.

What a frame holds depends on where frames begin: a network that looks at a recording in two phases, and takes
the mean of its log-probabilities, makes fewer mistakes than in either.

Shared by the network (`training/model/encoder.py`), its graph (`export/`) and whatever must know how many
frames a recording becomes. All kernels are 3 wide with padding 1, so a stride of s turns n frames into
(n - 1) // s + 1 frames and never skips one.
"""

KERNEL = 3
# By total stride. The large stride comes first: at 10 ms a convolution costs as much as a recurrent layer.
TIME_STRIDES = {1: (1, 1), 2: (2, 1), 3: (3, 1), 4: (2, 2), 6: (3, 2), 8: (2, 2, 2)}
FREQUENCY_STRIDES = (2, 2, 1)  # of the first, second and third convolution


def output_frames(frames: int, stride: int) -> int:
    """Return how many frames are left of `frames` after subsampling time by `stride` (see TIME_STRIDES)."""
    for factor in TIME_STRIDES[stride]:
        frames = (frames - 1) // factor + 1
    return frames


def phase_offsets(stride: int, phases: int) -> tuple[int, ...]:
    """Return by how many features the frames of each look at a recording begin before its start.

    Two looks a third of a frame apart still agree on which frame a token falls into; half a frame is too far.
    Frames of a single feature have one phase.
    """
    return (0, (stride + 1) // 3)[: min(phases, stride)]


def output_bins(bins: int, stride: int) -> int:
    """Return how many frequency bins of each channel are left of `bins` after the same convolutions."""
    for factor in FREQUENCY_STRIDES[: len(TIME_STRIDES[stride])]:
        bins = (bins - 1) // factor + 1
    return bins
