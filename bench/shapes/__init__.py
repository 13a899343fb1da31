"""Pictures that the project draws itself: textured grounds, shapes of ten classes, and what is where.

Every result is a pure function of a split and an index, to the last bit on every machine: the one
frozen generator of NumPy, and integers or IEEE-exact float64 operations on single elements only.
"""

from bench.shapes.materials import MATERIALS
from bench.shapes.objects import object_image
from bench.shapes.outlines import CLASSES
from bench.shapes.scenes import Item, Scene, scene
from bench.shapes.stream import Split

__all__ = ["CLASSES", "MATERIALS", "Item", "Scene", "Split", "object_image", "scene"]
