"""Mean intersection over union of a segmentor, on images with a class for every pixel."""
