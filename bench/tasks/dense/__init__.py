"""What detection and segmentation share: reading images one by one, running OpenMMLab's models."""
