"""The number format of the encoder: which ones a device can do, and which of them is fastest there.

No rule says what is faster: on one processor bf16 is 1.5 times as fast as fp32, on the next one of the same
make it is slower or not there at all. So a few steps of each are timed before training starts
(`measurement.py`), and the faster is stored with the run. Weights, loss and log-softmax are fp32 in all of
them (Micikevicius et al. 2018, mixed precision training).
"""

from typing import Literal

import torch
from torch import nn

from speechrnn.errors import SpeechRnnError

Precision = Literal["fp32", "bf16", "fp16"]

TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
# The loss is summed over some thousand frames, so its derivative is that much larger than the mean's, for
# which PyTorch starts at 65,536.
FIRST_SCALE = 16.0


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """Return the block in which the network computes in `precision`, for the thread that enters it."""
    return torch.autocast(device.type, TYPES[precision], enabled=precision != "fp32")


def gradient_scaler(precision: Precision, device: torch.device) -> torch.amp.GradScaler:
    """Return what keeps small gradients of fp16 from becoming zero; for the other formats it does nothing."""
    return torch.amp.GradScaler(device.type, init_scale=FIRST_SCALE, enabled=precision == "fp16")


def candidates(device: torch.device) -> list[Precision]:
    """Return the formats worth timing on `device`.

    fp16 needs its gradients scaled and overflows now and then, so it only stands in for bf16 on GPUs without.
    """
    if device.type == "cpu" or torch.cuda.is_bf16_supported(including_emulation=False):
        return ["fp32", "bf16"]
    return ["fp32", "fp16"]


def check_available(precision: Precision, device: torch.device) -> None:
    """Raise SpeechRnnError if a recurrent layer does not run in `precision` on `device`."""
    reason = unavailable(precision, device)
    if reason is not None:
        raise SpeechRnnError(f"--precision {precision}: does not work here ({reason}); use --precision fp32")


def unavailable(precision: Precision, device: torch.device) -> str | None:
    """Return why a recurrent layer does not run in `precision` on `device`, or None if it does."""
    if precision == "fp16" and device.type == "cpu":
        return "fp16 is for GPUs"
    try:
        with autocast(precision, device):
            layer = nn.LSTM(8, 8, batch_first=True).to(device)
            layer(torch.zeros(2, 3, 8, device=device))[0].sum().backward()
    except RuntimeError as error:
        return str(error).split(". ")[0].splitlines()[0]
    return None
