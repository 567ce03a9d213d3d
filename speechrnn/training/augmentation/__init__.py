"""What training does to recordings, and where its randomness comes from."""
