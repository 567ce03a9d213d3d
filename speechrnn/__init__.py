"""speechrnn: speech recognition with recurrent networks and CTC."""
