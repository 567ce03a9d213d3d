"""From samples to features as nodes of the graph: the same computation as `training/model/front_end.py`.

The first part of an exported model. From the arrays of `dsp.Analysis`, with standard operators only, for any
batch and any lengths; padding never enters a result. Up to the last node time is the last axis,
[batch, values, frames], because products of a small matrix with a wide one are what ONNX Runtime does best;
the spectrum is two of them (`fourier.py`).
"""

import math

import numpy as np

from speechrnn import config, dsp
from speechrnn.export.fourier import power_to_bins, two_stage_transform
from speechrnn.export.graph import FLOAT, GraphBuilder

Statistics = tuple[dsp.Array, dsp.Array]


def add_front_end(
    graph: GraphBuilder,
    settings: config.FrontEnd,
    audio: str,
    lengths: str,
    statistics: Statistics | None = None,
) -> tuple[str, str]:
    """Add the nodes that turn `audio` into features, and return the names of (features, frames).

    `audio` names float32 [batch, samples] in [-1, 1], `lengths` int64 [batch] in samples. The results are
    float32 [batch, frames, bins], zero in the padding, and the valid frames, int64 [batch]. There is always
    room for one frame. `statistics` are mean and deviation [bins], for global normalisation alone.
    """
    graph.section = "front_end"
    analysis = dsp.analysis(settings)
    frames, room = _frame_counts(graph, analysis, audio, lengths)
    valid = _valid_frames(graph, frames, room)
    signal, emphasised = _signal(graph, analysis, audio, lengths)
    windowed = _windowed_frames(graph, analysis, signal, emphasised, room)
    features = _logarithm(graph, analysis, _energies(graph, analysis, windowed), valid)
    if analysis.cosine is not None:
        features = graph.node("MatMul", graph.constant(analysis.cosine.T, "cosine"), features)
    features = _with_derivatives(graph, analysis, features, frames, room)
    if settings.normalisation == "utterance":
        features = _normalised_by_utterance(graph, analysis, features, frames, valid)
    elif settings.normalisation == "global":
        features = _normalised_globally(graph, analysis, features, statistics)
    features = graph.node("Where", valid, features, _float(graph, 0.0))
    return graph.node("Transpose", features, perm=[0, 2, 1]), frames


def _frame_counts(graph: GraphBuilder, analysis: dsp.Analysis, audio: str, lengths: str) -> tuple[str, str]:
    """Return the valid frames int64 [batch], and the frames there is room for, int64 [1]."""
    samples = graph.node("Slice", graph.node("Shape", audio), _ints(graph, 1), _ints(graph, 2))

    def count(of: str) -> str:
        rounded = graph.node("Add", of, _ints(graph, analysis.rounding))
        frames = graph.node("Div", rounded, _ints(graph, analysis.hop))
        return graph.node("Where", graph.node("Greater", of, _ints(graph, 0)), frames, _ints(graph, 0))

    return count(lengths), graph.node("Max", count(samples), _ints(graph, 1))


def _valid_frames(graph: GraphBuilder, frames: str, room: str) -> str:
    """Return what is not padding, bool [batch, 1, frames]."""
    numbers = _count_up(graph, _ints(graph, 0), room)
    ends = graph.node("Unsqueeze", frames, _ints(graph, 1, 2))
    return graph.node("Less", numbers, ends)


def _signal(graph: GraphBuilder, analysis: dsp.Analysis, audio: str, lengths: str) -> tuple[str, str]:
    """Return the signal with its edges and the same after pre-emphasis, [batch, before + samples + spare].

    At the end there is more than any frame reaches, so that the last block of frames is whole.
    """
    spare = analysis.after + 2 * analysis.samples
    padded = graph.node("Pad", audio, _ints(graph, 0, analysis.before, 0, spare))
    if analysis.emphasis_follows_edges:
        signal = _with_edges(graph, analysis, padded, lengths)
        return signal, _pre_emphasised(graph, analysis, signal)
    emphasised = _with_edges(graph, analysis, _pre_emphasised(graph, analysis, padded), lengths)
    return emphasised, emphasised


def _pre_emphasised(graph: GraphBuilder, analysis: dsp.Analysis, signal: str) -> str:
    """Return `signal` [batch, samples] less a share of the sample before, which is zero at the start."""
    if analysis.pre_emphasis == 0:
        return signal
    before = graph.node("Pad", signal, _ints(graph, 0, 1, 0, -1))
    return graph.node("Sub", signal, graph.node("Mul", before, _float(graph, analysis.pre_emphasis)))


def _with_edges(graph: GraphBuilder, analysis: dsp.Analysis, padded: str, lengths: str) -> str:
    """Return `padded` with what frames see before the start and after the end of each utterance in place."""
    ends = graph.node("Unsqueeze", lengths, _ints(graph, 1))  # [batch, 1]
    tail = graph.node("Add", ends, _ints(graph, *range(analysis.after)))
    # Adding zeros [batch, 1] to the places before the start makes a row of them for each utterance.
    none = graph.node("Sub", ends, ends)
    head = graph.node("Add", none, graph.constant(np.arange(-analysis.before, 0), "head", np.int64))
    places = graph.node("Concat", head, tail, axis=1)
    targets = graph.node("Add", places, _ints(graph, analysis.before))
    if analysis.edges == "zero":
        values = graph.node("Mul", graph.node("Cast", places, to=FLOAT), _float(graph, 0.0))
    else:
        sources = _folded_back(graph, places, ends, repeat=analysis.edges == "mirror")
        sources = graph.node("Add", sources, _ints(graph, analysis.before))
        values = graph.node("GatherElements", padded, sources, axis=1)
    return graph.node("ScatterElements", padded, targets, values, axis=1)


def _folded_back(graph: GraphBuilder, places: str, ends: str, repeat: bool) -> str:
    """Return the samples seen in a mirror at `places` beyond an utterance of `ends` samples.

    With `repeat` the outermost samples are their own neighbours; short utterances are mirrored repeatedly.
    """
    last = graph.node("Max", graph.node("Sub", ends, _ints(graph, 1)), _ints(graph, 0))
    double = graph.node("Add", last, last)
    if repeat:
        place = graph.node("Mod", places, graph.node("Add", double, _ints(graph, 2)))
        mirrored = graph.node("Sub", graph.node("Add", double, _ints(graph, 1)), place)
        return graph.node("Min", place, mirrored)
    period = graph.node("Max", double, _ints(graph, 1))
    place = graph.node("Mod", places, period)
    return graph.node("Min", place, graph.node("Sub", period, place), last)


def _windowed_frames(
    graph: GraphBuilder, analysis: dsp.Analysis, signal: str, emphasised: str, room: str
) -> str:
    """Return the frames less their mean, times the window: [batch, samples, frames]."""
    frames = _frames(graph, analysis, emphasised, room)
    if analysis.remove_mean:
        means = _frame_means(graph, analysis, signal, room)
        frames = graph.node("Sub", frames, graph.node("Mul", means, _float(graph, 1 - analysis.pre_emphasis)))
    return graph.node("Mul", frames, graph.constant(analysis.window[:, None], "window"))


def _frame_means(graph: GraphBuilder, analysis: dsp.Analysis, signal: str, room: str) -> str:
    """Return the mean of each frame of `signal`, [batch, 1, frames]."""
    step = math.gcd(
        analysis.samples, analysis.hop
    )  # means of steps first: most samples are in several frames
    signal = graph.node("Slice", signal, _ints(graph, 0), _whole_hops(graph, analysis, room), _ints(graph, 1))
    steps = graph.node("Reshape", signal, _ints(graph, 0, 1, -1, step))
    means = graph.node("ReduceMean", steps, axes=[3], keepdims=0)
    means = graph.node(
        "AveragePool", means, kernel_shape=[analysis.samples // step], strides=[analysis.hop // step]
    )
    return graph.node("Slice", means, _ints(graph, 0), room, _ints(graph, 2))


def _frames(graph: GraphBuilder, analysis: dsp.Analysis, signal: str, room: str) -> str:
    """Return the frames of `signal`, [batch, samples, frames].

    The signal is cut into blocks of one hop. A frame is a few blocks in a row, the last one not whole: so the
    first samples of all frames are the blocks from the first on, the next samples the blocks from the second.
    """
    hop, samples = analysis.hop, analysis.samples
    whole = graph.node("Slice", signal, _ints(graph, 0), _whole_hops(graph, analysis, room), _ints(graph, 1))
    rows = graph.node("Transpose", graph.node("Reshape", whole, _ints(graph, 0, -1, hop)), perm=[0, 2, 1])
    parts = []
    for number in range(analysis.blocks):
        height = min(hop, samples - number * hop)
        end = graph.node(
            "Concat", _ints(graph, height), graph.node("Add", room, _ints(graph, number)), axis=0
        )
        parts.append(graph.node("Slice", rows, _ints(graph, 0, number), end, _ints(graph, 1, 2)))
    return graph.node("Concat", *parts, axis=1)


def _whole_hops(graph: GraphBuilder, analysis: dsp.Analysis, room: str) -> str:
    """Return how many samples `room` [1] frames reach over, rounded up to whole hops."""
    blocks = graph.node("Add", room, _ints(graph, analysis.blocks - 1))
    return graph.node("Mul", blocks, _ints(graph, analysis.hop))


def _energies(graph: GraphBuilder, analysis: dsp.Analysis, frames: str) -> str:
    """Return the mel energies [batch, bins, frames] of windowed `frames` [batch, samples, frames]."""
    transform = two_stage_transform(analysis.fft, analysis.samples)
    branches, columns, rows = transform.branches, transform.columns, transform.rows
    missing = rows * columns - analysis.samples
    if missing:
        frames = graph.node("Pad", frames, _ints(graph, 0, 0, 0, 0, missing, 0))
    table = graph.node("Reshape", frames, _ints(graph, 0, rows, -1))  # [batch, rows, columns x frames]
    inner = graph.node("MatMul", graph.constant(transform.first, "inner", np.float32), table)
    inner = graph.node("Reshape", inner, _ints(graph, 0, branches, 2 * columns, -1))
    spectrum = graph.node("MatMul", graph.constant(transform.second, "outer", np.float32), inner)
    squares = graph.node("Mul", spectrum, spectrum)
    real, imaginary = graph.nodes_out("Split", 2, squares, axis=2)
    power = graph.node("Reshape", graph.node("Add", real, imaginary), _ints(graph, 0, branches * columns, -1))
    return graph.node("MatMul", graph.constant(power_to_bins(transform, analysis.mel), "mel"), power)


def _logarithm(graph: GraphBuilder, analysis: dsp.Analysis, energies: str, valid: str) -> str:
    """Return the floored logarithm of mel energies [batch, bins, frames], the energy of dither included."""
    added = analysis.noise + np.float32(analysis.floor if analysis.floor_is_added else 0)
    energies = graph.node("Add", energies, graph.constant(added[:, None], "noise"))
    if not analysis.floor_is_added:
        energies = graph.node("Max", energies, _float(graph, analysis.floor))
    logs = graph.node("Log", energies)
    if analysis.log_scale != 1:
        logs = graph.node("Mul", logs, _float(graph, analysis.log_scale))
    if analysis.log_range is None:
        return logs
    of_valid = graph.node("Where", valid, logs, _float(graph, float(np.finfo(np.float32).min)))
    highest = graph.node("ReduceMax", of_valid, axes=[1, 2], keepdims=1)
    return graph.node("Max", logs, graph.node("Sub", highest, _float(graph, analysis.log_range)))


def _with_derivatives(
    graph: GraphBuilder, analysis: dsp.Analysis, features: str, frames: str, room: str
) -> str:
    """Return `features` [batch, values, frames] with their derivatives appended, edge frames repeated."""
    parts = [features]
    for taps in analysis.deltas:
        reach = len(taps) // 2
        numbers = _count_up(graph, _ints(graph, -reach), graph.node("Add", room, _ints(graph, reach)))
        last = graph.node("Sub", graph.node("Unsqueeze", frames, _ints(graph, 1, 2)), _ints(graph, 1))
        places = graph.node("Max", graph.node("Min", numbers, last), _ints(graph, 0))  # [batch, 1, frames]
        # Adding zeros [values, 1] repeats the places for each value, as GatherElements wants them.
        values = analysis.features // (1 + len(analysis.deltas))
        places = graph.node("Add", places, graph.constant(np.zeros((values, 1)), "zeros", np.int64))
        padded = graph.node("GatherElements", features, places, axis=2)
        channels = graph.node("Unsqueeze", padded, _ints(graph, 1))  # [batch, 1, values, frames]
        kernel = graph.constant(taps[None, None, None], "taps")
        parts.append(graph.node("Squeeze", graph.node("Conv", channels, kernel), _ints(graph, 1)))
    return parts[0] if len(parts) == 1 else graph.node("Concat", *parts, axis=1)


def _normalised_by_utterance(
    graph: GraphBuilder, analysis: dsp.Analysis, features: str, frames: str, valid: str
) -> str:
    """Return `features` [batch, values, frames] at mean 0 and deviation 1 over valid frames."""
    count = graph.node("Cast", graph.node("Max", frames, _ints(graph, 1)), to=FLOAT)
    count = graph.node("Unsqueeze", count, _ints(graph, 1, 2))

    def mean(of: str) -> str:
        kept = graph.node("Where", valid, of, _float(graph, 0.0))
        return graph.node("Div", graph.node("ReduceSum", kept, _ints(graph, 2), keepdims=1), count)

    centred = graph.node("Sub", features, mean(features))
    deviation = graph.node("Sqrt", mean(graph.node("Mul", centred, centred)))
    return graph.node("Div", centred, graph.node("Max", deviation, _float(graph, analysis.deviation_floor)))


def _normalised_globally(
    graph: GraphBuilder, analysis: dsp.Analysis, features: str, statistics: Statistics | None
) -> str:
    """Return `features` [batch, values, frames] less the mean, over the deviation of the training set."""
    if statistics is None:
        raise ValueError("global normalisation needs the mean and deviation of the training set")
    mean, deviation = statistics
    centred = graph.node("Sub", features, graph.constant(mean[:, None], "mean", np.float32))
    floored = np.maximum(deviation, analysis.deviation_floor)
    return graph.node("Div", centred, graph.constant(floored[:, None], "deviation", np.float32))


def _count_up(graph: GraphBuilder, start: str, end: str) -> str:
    """Return the whole numbers from `start` [1] up to, but without, `end` [1]."""
    axis = _ints(graph, 0)
    scalars = [graph.node("Squeeze", value, axis) for value in (start, end)]
    return graph.node("Range", *scalars, graph.constant(1, "one", np.int64))


def _ints(graph: GraphBuilder, *values: int) -> str:
    """Store whole numbers [values], as shapes, axes and index arithmetic want them."""
    return graph.constant(values, "int", np.int64)


def _float(graph: GraphBuilder, value: float) -> str:
    """Store a single number that broadcasts."""
    return graph.constant(value, "float", np.float32)
