"""Made pages: images drawn by code, with the bounding boxes of their digits, on which the finder is trained."""
