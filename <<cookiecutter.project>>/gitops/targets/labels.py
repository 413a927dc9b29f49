"""What is written on a container: all that is known of a deployment on an engine."""

STACK, NUMBER, SLOT, TREE, IMAGE = (
    f"gitops.{key}" for key in ("stack", "number", "slot", "tree", "image")
)
GATEWAY = "gitops.gateway"  # what a gateway was made of
RULES = "gitops.rules"  # the volume on which one told Prometheus of its environment
