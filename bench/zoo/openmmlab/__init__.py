"""Detectors of mmdet and segmentors of mmsegmentation on the backbones of the catalog.

The only package that imports OpenMMLab, and none of its modules is imported before one of these
models is asked for.
"""
