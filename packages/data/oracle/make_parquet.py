#!/usr/bin/env python3
"""Small parquet files written by another implementation, for read-rows.test.ts.

  python make_parquet.py     (pyarrow; writes beside itself)
"""
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

TEXTS = ["a fine film", "dull, \"very\" dull", "größer 😀", "so so"]


def main():
    here = pathlib.Path(__file__).parent
    table = pa.table({
        "text": pa.array(TEXTS, pa.string()),
        "label": pa.array([1, 0, 1, 0], pa.int64()),
        "score": pa.array([0.5, 1.25, -2.0, 0.0], pa.float32()),
    })
    for compression in ["snappy", "zstd", "gzip"]:
        pq.write_table(table, here / f"reviews-{compression}.parquet", compression=compression, row_group_size=3)


if __name__ == "__main__":
    main()
