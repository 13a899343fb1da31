"""Average precision of a detector on COCO, of its boxes and masks."""
