"""What the operator says about itself: metrics, JSON logs, Events."""
