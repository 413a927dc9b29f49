"""Rows a second that the bare ONNX session answers, on a ready matrix and one core.

python bench/bare.py MATRIX.npy SECONDS      # in a trained project
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

import numpy as np
from pipeline import model

matrix, seconds = np.load(sys.argv[1]), float(sys.argv[2])
session, count = model.load(1), 0
session.predict(matrix)
started = time.perf_counter()
while (took := time.perf_counter() - started) < seconds:
    session.predict(matrix)
    count += len(matrix)
print(count / took)
