"""Read many images: in parallel processes of this machine, or on a Ray cluster; both give the same readings."""
