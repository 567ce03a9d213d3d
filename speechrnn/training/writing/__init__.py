"""How a writer is taught: recordings are listened to, text is made to sound like them, both are spelt."""
