"""What holds other tasks back: clocks that disagree, time not listened, results without nonce."""
