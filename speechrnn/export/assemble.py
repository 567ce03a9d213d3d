"""Front end, encoder, heads and writer become one graph, and the graph carries its own description.

A trained model goes in, the `.onnx` of the design comes out: inputs `audio` float32 [batch, samples] and
`lengths` int64 [batch], outputs `log_probs` float32 [batch, frames, tokens] and `frames` int64 [batch]. A
model that knows sounds has the output `sounds` float32 [batch, frames, sounds] as well.
"""

import onnx
from onnx import helper

from speechrnn import dsp
from speechrnn.config import Model
from speechrnn.export.encoder import add_encoder, add_head
from speechrnn.export.front_end import add_front_end
from speechrnn.export.graph import FLOAT, INT64, GraphBuilder
from speechrnn.export.phases import add_first_half, add_mean, add_shifted
from speechrnn.export.writer import add_writer
from speechrnn.metadata import FORMAT, METADATA_KEY, Metadata, encode_metadata
from speechrnn.model_folder import TrainedModel
from speechrnn.outputs import LOG_PROBS, SOUNDS
from speechrnn.subsampling import KERNEL, TIME_STRIDES, phase_offsets


def assemble(trained: TrainedModel) -> onnx.ModelProto:
    """Return the model as a graph of standard operators, in fp32.

    The weights must be those of the configured network, as `read_network` checks them.
    """
    graph = GraphBuilder()
    statistics = None
    if trained.model.front_end.normalisation == "global":
        statistics = trained.weights["front_end.mean"], trained.weights["front_end.deviation"]
    features, frames = add_front_end(graph, trained.model.front_end, "audio", "lengths", statistics)
    encoder = trained.model.encoder
    seen = features
    two_looks = len(phase_offsets(encoder.stride, encoder.phases)) == 2
    if two_looks:
        seen, frames = add_shifted(graph, encoder, features, frames)
    hidden, frames = add_encoder(graph, encoder, trained.weights, seen, frames)
    heads = {} if trained.model.writer.layers else {LOG_PROBS: "head"}
    if trained.sounds is not None:
        heads[SOUNDS] = "sound_head"
    said = {output: add_head(graph, trained.weights, hidden, head) for output, head in heads.items()}
    if two_looks:
        said = {output: add_mean(graph, encoder, features, each) for output, each in said.items()}
        frames = add_first_half(graph, frames)
    if trained.model.writer.layers:
        said[LOG_PROBS] = add_writer(graph, trained.model, trained.weights, said[SOUNDS], frames)
    symbols = {LOG_PROBS: trained.vocabulary, SOUNDS: trained.sounds or ()}
    outputs: dict[str, tuple[int, list[str | int]]] = {}
    for output in sorted(said):
        graph.rename(said[output], output)
        outputs[output] = FLOAT, ["batch", "frames", len(symbols[output])]
    graph.rename(frames, "frames")
    model = graph.build(
        {"audio": (FLOAT, ["batch", "samples"]), "lengths": (INT64, ["batch"])},
        {**outputs, "frames": (INT64, ["batch"])},
    )
    return described(model, description(trained))


def description(trained: TrainedModel) -> Metadata:
    """Return what the fp32 `.onnx` of `trained` says about itself."""
    front_end, stride = trained.model.front_end, trained.model.encoder.stride
    return Metadata(
        format=FORMAT,
        vocabulary=trained.vocabulary,
        sample_rate=front_end.sample_rate,
        frame_rate=front_end.sample_rate / (dsp.analysis(front_end).hop * stride),
        receptive_field=receptive_field(trained.model),
        precision="fp32",
        configuration=trained.model,
        card=trained.card,
        sounds=trained.sounds,
    )


def receptive_field(model: Model) -> int:
    """Return how many samples one frame is computed from, before the recurrent layers see the rest."""
    analysis = dsp.analysis(model.front_end)
    reach = 2 * max((len(taps) // 2 for taps in analysis.deltas), default=0)
    step = 1
    for stride in TIME_STRIDES[model.encoder.stride]:
        reach += (KERNEL - 1) * step
        step *= stride
    reach += phase_offsets(model.encoder.stride, model.encoder.phases)[-1]
    return reach * analysis.hop + analysis.samples


def described(model: onnx.ModelProto, metadata: Metadata) -> onnx.ModelProto:
    """Return a copy of `model` that carries `metadata`."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    helper.set_model_props(copy, {METADATA_KEY: encode_metadata(metadata)})
    return copy
