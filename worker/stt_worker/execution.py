"""One job in, one result out: what a worker says of one target."""
