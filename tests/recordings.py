"""Recordings for the tests of reading audio, made up and encoded on the spot: nothing comes out of a file."""

import io
import struct
from pathlib import Path

import numpy as np
import soundfile

RATE = 16000

# What libsndfile writes: name -> (container, subtype, whether decoding gives back the very samples).
SOUND_FILES = {
    "wav": ("WAV", "PCM_16", True),
    "wav-8-bit": ("WAV", "PCM_U8", False),
    "wav-24-bit": ("WAV", "PCM_24", True),
    "wav-32-bit": ("WAV", "PCM_32", True),
    "wav-float": ("WAV", "FLOAT", True),
    "wav-double": ("WAV", "DOUBLE", True),
    "rf64": ("RF64", "PCM_16", True),
    "w64": ("W64", "PCM_16", True),
    "aiff": ("AIFF", "PCM_16", True),
    "au": ("AU", "PCM_16", True),
    "caf": ("CAF", "PCM_16", True),
    "flac": ("FLAC", "PCM_16", True),
    "flac-24-bit": ("FLAC", "PCM_24", True),
    "vorbis": ("OGG", "VORBIS", False),
    "opus": ("OGG", "OPUS", False),
    "mp3": ("MP3", "MPEG_LAYER_III", False),
}
# What FFmpeg writes: name -> (container, codec, sample rate, options of the container).
MEDIA = {
    "m4a": ("ipod", "aac", 16000, {}),
    "m4a-index-first": ("ipod", "aac", 16000, {"movflags": "faststart"}),
    "mp4-fragments": ("mp4", "aac", 44100, {"movflags": "frag_keyframe+empty_moov"}),
    "mov-lossless": ("mov", "alac", 16000, {}),
    "webm": ("webm", "libopus", 48000, {}),
    "mka": ("matroska", "aac", 22050, {}),
    "avi": ("avi", "pcm_s16le", 16000, {}),
    "aac": ("adts", "aac", 16000, {}),
    "ogg-flac": ("ogg", "flac", 16000, {}),
    "flv": ("flv", "aac", 44100, {}),
    "tta": ("tta", "tta", 16000, {}),
    "mpegts": ("mpegts", "aac", 16000, {}),
}


def voice(seconds: float, rate: int = RATE, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Return float32 `[samples, channels]`, on the grid of 16 bits: tones that glide, in noise."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    pitches = random.uniform(90, 400, channels)
    tones = np.sin(2 * np.pi * time[:, None] * pitches + 5 * np.sin(3 * time[:, None]))
    loudness = 0.2 + 0.15 * np.sin(2 * np.pi * 1.3 * time[:, None])
    samples = loudness * (tones + 0.2 * random.standard_normal(tones.shape))
    return (np.round(samples * 32768) / 32768).astype(np.float32)


def encoded(samples: np.ndarray, kind: str, rate: int = RATE) -> bytes:
    """Return the bytes of a file of the `kind` named in SOUND_FILES."""
    container, subtype, _ = SOUND_FILES[kind]
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=container, subtype=subtype)
    return file.getvalue()


def media(path: Path, samples: np.ndarray, kind: str, rate: int = RATE) -> Path:
    """Write `samples` `[samples, channels]` at `rate` as a file of the `kind` named in MEDIA."""
    import av

    container_name, codec, codec_rate, options = MEDIA[kind]
    layout = {1: "mono", 2: "stereo"}[samples.shape[1]]
    with av.open(str(path), "w", format=container_name, options=options) as container:
        stream = container.add_stream(codec, rate=codec_rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="fltp", layout=layout)
        frame.sample_rate = rate
        frame.pts = 0
        to_codec = av.AudioResampler(
            stream.codec_context.format, layout, codec_rate, stream.codec_context.frame_size or None
        )
        for converted in to_codec.resample(frame) + to_codec.resample(None):
            container.mux(stream.encode(converted))
        container.mux(stream.encode(None))
    return path


def mp3_without_count(samples: np.ndarray, rate: int = RATE) -> bytes:
    """Return an MP3 of variable bit rate whose first frame, the one that counts the others, is left out."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="MP3", bitrate_mode="VARIABLE", compression_level=0.2)
    data = file.getvalue()
    second_frame = data.index(data[:2], 100)
    assert b"Xing" in data[:second_frame]
    return data[second_frame:]


def with_vbri(data: bytes, frames: int) -> bytes:
    """Return an MP3 without a count after a silent frame that counts as Fraunhofer's encoder does."""
    header = data[:4]
    length = data.index(data[:2], 4)
    count = b"VBRI" + struct.pack(">HHHII", 1, 0, 50, len(data) + length, frames + 1)
    return (header + bytes(32) + count).ljust(length, b"\0") + data
