"""Words for what a stop of a node group loses."""

PODS = "pods"
