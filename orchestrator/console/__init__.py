"""The pages of sweeps over HTTP, for people on this machine or behind the operator's proxy; it only reads."""
