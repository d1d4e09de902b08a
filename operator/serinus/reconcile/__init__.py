"""Composition: observe, judge, advance, build, apply."""
