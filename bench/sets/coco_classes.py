"""The 80 classes of COCO, in the order in which detectors number them from 0."""

from __future__ import annotations

NUMBERS_WITHOUT_CLASS = frozenset((12, 26, 29, 30, 45, 66, 68, 69, 71, 83))
"""COCO numbers its classes from 1 to 90; these were never annotated."""

CATEGORY_IDS = tuple(number for number in range(1, 91) if number not in NUMBERS_WITHOUT_CLASS)
LISTED = (
    "person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, "
    "stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, "
    "backpack, umbrella, handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball "
    "bat, baseball glove, skateboard, surfboard, tennis racket, bottle, wine glass, cup, fork, knife, "
    "spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake, chair, "
    "couch, potted plant, bed, dining table, toilet, tv, laptop, mouse, remote, keyboard, cell phone, "
    "microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors, teddy bear, hair drier, "
    "toothbrush"
)
NAMES = tuple(LISTED.split(", "))
