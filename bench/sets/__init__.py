"""Data sets that the bench makes itself, in the formats of ImageNet, COCO and ADE20K."""
