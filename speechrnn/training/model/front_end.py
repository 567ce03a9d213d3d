"""From samples to features in PyTorch: frames, spectrum, mel, logarithm, cepstra, derivatives, normalisation.

The first thing a batch of padded waveforms meets. Computes from the arrays of `dsp.Analysis`, as the exported
graph does (`export/front_end.py`), and never lets padding into a result: every utterance gets its own edges
at its own end. Float32 throughout, whatever the precision of training.

The spectrum is an FFT: on a CPU, a product with the matrix of the DFT, window and pre-emphasis folded in,
takes three times as long.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from speechrnn import config, dsp
from speechrnn.training.model.recurrence import valid_frames

# Frames transformed at once on a CPU: as many as its cache holds. A whole batch at once takes twice as long.
PIECE_FRAMES = 250


class FeatureExtractor(nn.Module):
    """Samples to features. `bins` is the number of features a frame has.

    While training (`self.training`), samples are expected to carry dither; otherwise the energy that dither
    adds on average is added to the mel energies, so that digital silence looks as it did in training.
    """

    window: Tensor
    mel: Tensor
    noise: Tensor
    cosine: Tensor | None
    mean: Tensor
    deviation: Tensor

    def __init__(self, settings: config.FrontEnd) -> None:
        super().__init__()
        self.analysis = dsp.analysis(settings)
        self.normalisation = settings.normalisation
        self.bins = self.analysis.features
        cosine = self.analysis.cosine
        self.register_buffer("window", torch.from_numpy(self.analysis.window), persistent=False)
        self.register_buffer(
            "mel", torch.from_numpy(self.analysis.mel).repeat_interleave(2, dim=0), persistent=False
        )  # each row twice: for the real and the imaginary part of its frequency
        self.register_buffer("noise", torch.from_numpy(self.analysis.noise), persistent=False)
        self.register_buffer("cosine", None if cosine is None else torch.from_numpy(cosine), persistent=False)
        if self.normalisation == "global":
            self.register_buffer("mean", torch.zeros(self.bins))
            self.register_buffer("deviation", torch.ones(self.bins))

    def forward(self, audio: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return features float32 [batch, frames, bins], zero in the padding, and the valid frames [batch].

        `audio` is float32 [batch, samples] in [-1, 1], `lengths` int64 [batch] in samples. There is always
        room for one frame, even if no utterance has any.
        """
        with torch.no_grad(), torch.autocast(audio.device.type, enabled=False):
            features, frames = self.unnormalised(audio.float(), lengths)
            valid = valid_frames(frames, features.shape[1], audio.device)
            if self.normalisation == "utterance":
                mean, deviation = utterance_statistics(features, frames, valid)
            elif self.normalisation == "global":
                mean, deviation = self.mean, self.deviation
            else:
                return features.masked_fill(~valid, 0.0), frames
            features = (features - mean).div_(deviation.clamp(min=self.analysis.deviation_floor))
            return features.masked_fill_(~valid, 0.0), frames

    def unnormalised(self, audio: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return features [batch, frames, bins] as the convention defines them, and the valid frames [batch].

        What stands in the padding is finite if `audio` is, and means nothing.
        """
        analysis = self.analysis
        frames = frame_counts(analysis, lengths)
        count = max(1, dsp.frame_count(analysis, audio.shape[1]))
        energies = self.mel_energies(audio, lengths, count)
        logs = self.logarithm(energies)
        if analysis.log_range is not None:
            logs = within_range(logs, valid_frames(frames, count, audio.device), analysis.log_range)
        features = logs if self.cosine is None else logs @ self.cosine
        return with_derivatives(features, frames, analysis.deltas), frames

    def mel_energies(self, audio: Tensor, lengths: Tensor, count: int) -> Tensor:
        """Return the mel energies [batch, count, bins] of the first `count` frames of each utterance."""
        analysis = self.analysis
        padded = F.pad(audio, (analysis.before, analysis.after))
        if analysis.emphasis_follows_edges:
            signal = with_edges(analysis, padded, lengths)
            emphasised = pre_emphasised(signal, analysis.pre_emphasis)
        else:
            signal = emphasised = with_edges(analysis, pre_emphasised(padded, analysis.pre_emphasis), lengths)
        frames = emphasised.unfold(1, analysis.samples, analysis.hop)[:, :count]
        means = frame_means(analysis, signal)[:, :count] * (1 - analysis.pre_emphasis)
        piece = count if audio.is_cuda else max(1, PIECE_FRAMES // len(audio))
        pieces = zip(torch.split(frames, piece, dim=1), torch.split(means, piece, dim=1), strict=True)
        return torch.cat([self.energies(*piece) for piece in pieces], dim=1)

    def energies(self, frames: Tensor, means: Tensor) -> Tensor:
        """Return the mel energies [batch, frames, bins] of `frames` [batch, frames, samples] less `means`."""
        spectrum = torch.fft.rfft((frames - means) * self.window, n=self.analysis.fft)
        parts = torch.view_as_real(spectrum).flatten(2)  # real, imaginary, real, imaginary ...
        return parts.square_() @ self.mel

    def logarithm(self, energies: Tensor) -> Tensor:
        """Return the floored logarithm of mel energies."""
        analysis = self.analysis
        if not self.training:
            energies = energies + self.noise
        floored = energies + analysis.floor if analysis.floor_is_added else energies.clamp(min=analysis.floor)
        return floored.log() * analysis.log_scale


def frame_counts(analysis: dsp.Analysis, lengths: Tensor) -> Tensor:
    """Return the valid frames [batch] of utterances of `lengths` [batch] samples."""
    counts = (lengths + analysis.rounding).div(analysis.hop, rounding_mode="floor")
    return torch.where(lengths > 0, counts, 0)


def frame_means(analysis: dsp.Analysis, signal: Tensor) -> Tensor:
    """Return what is to be taken from each frame of `signal`, [batch, frames, 1]: its mean, or zero."""
    means = F.avg_pool1d(signal[:, None], analysis.samples, analysis.hop).transpose(1, 2)
    return means if analysis.remove_mean else torch.zeros_like(means)


def pre_emphasised(signal: Tensor, share: float) -> Tensor:
    """Return `signal` [batch, samples] less a share of the sample before, which is zero at the start."""
    if share == 0:
        return signal
    emphasised = signal.clone()
    emphasised[:, 1:].sub_(signal[:, :-1], alpha=share)
    return emphasised


def with_edges(analysis: dsp.Analysis, padded: Tensor, lengths: Tensor) -> Tensor:
    """Return `padded` [batch, before + samples + after] with what frames see beyond each utterance's ends."""
    before = analysis.before
    head = torch.arange(-before, 0, device=padded.device).expand(len(lengths), before)
    tail = lengths[:, None] + torch.arange(analysis.after, device=padded.device)
    places = torch.cat([head, tail], dim=1)
    if analysis.edges == "zero":
        return padded.scatter(1, places + before, 0.0)
    sources = folded_back(places, lengths[:, None], repeat=analysis.edges == "mirror")
    return padded.scatter(1, places + before, padded.gather(1, sources + before))


def folded_back(places: Tensor, lengths: Tensor, repeat: bool) -> Tensor:
    """Return which samples are seen at `places` beyond the ends of utterances of `lengths` samples.

    With `repeat` the outermost samples are their own neighbours. Utterances shorter than the distance are
    mirrored again and again, as Kaldi does.
    """
    last = (lengths - 1).clamp(min=0)
    if repeat:
        place = places.remainder(2 * (last + 1))
        return torch.minimum(place, 2 * last + 1 - place)
    period = (2 * last).clamp(min=1)
    place = places.remainder(period)
    return torch.minimum(place, period - place).minimum(last)


def within_range(logs: Tensor, valid: Tensor, log_range: float) -> Tensor:
    """Return `logs` [batch, frames, bins] raised to at least each utterance's highest value - `log_range`."""
    highest = logs.masked_fill(~valid, -torch.inf).amax(dim=(1, 2), keepdim=True)
    return logs.maximum(highest - log_range)


def with_derivatives(features: Tensor, frames: Tensor, filters: tuple[dsp.Array, ...]) -> Tensor:
    """Return `features` [batch, frames, bins] with their derivatives appended, edge frames repeated."""
    parts = [features]
    for taps in filters:
        reach = len(taps) // 2
        places = torch.arange(-reach, features.shape[1] + reach, device=features.device)
        places = places.expand(len(frames), -1).minimum(frames[:, None] - 1).clamp(min=0)
        padded = features.gather(1, places[:, :, None].expand(-1, -1, features.shape[2]))
        weights = torch.from_numpy(taps).to(features.device)
        parts.append(padded.unfold(1, len(taps), 1) @ weights)
    return torch.cat(parts, dim=2)


def utterance_statistics(features: Tensor, frames: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and deviation [batch, 1, bins] over the valid frames of each utterance."""
    count = frames.clamp(min=1)[:, None, None]
    mean = features.masked_fill(~valid, 0.0).sum(dim=1, keepdim=True) / count
    variance = (features - mean).masked_fill(~valid, 0.0).square().sum(dim=1, keepdim=True) / count
    return mean, variance.sqrt()


def estimate_statistics(extractor: FeatureExtractor, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Set the statistics of global normalisation to those of all valid frames of `batches` (audio, lengths).

    Leave training mode first unless the samples carry dither.
    """
    total = torch.zeros(extractor.bins, dtype=torch.float64)
    squares = torch.zeros(extractor.bins, dtype=torch.float64)
    count = 0
    for audio, lengths in batches:
        features, frames = extractor.unnormalised(audio, lengths)
        kept = features[valid_frames(frames, features.shape[1], audio.device)[:, :, 0]].double().cpu()
        total += kept.sum(dim=0)
        squares += kept.square().sum(dim=0)
        count += len(kept)
    mean = total / max(1, count)
    extractor.mean.copy_(mean)
    extractor.deviation.copy_((squares / max(1, count) - mean.square()).clamp(min=0).sqrt())
