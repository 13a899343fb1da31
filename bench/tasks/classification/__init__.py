"""Top-1 and top-5 accuracy of a classifier on a folder, tar file or parquet files of images."""
