"""From manifests to batches: decoding once, screening, planning an epoch, worker processes."""
