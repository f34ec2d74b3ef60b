"""The story that `make demo` tells: the running doors, spoken to over HTTP as a client and as a reviewer would."""
