#!/usr/bin/env python3
"""One conversation as a parquet file with a list of structs, as the datasets library saves it, by pyarrow: writes chats.parquet."""
import os, pyarrow as pa, pyarrow.parquet as pq

rows = [[{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]]
message = pa.struct([("role", pa.string()), ("content", pa.string())])
table = pa.table({"messages": pa.array(rows, pa.list_(message))})
pq.write_table(table, os.path.join(os.path.dirname(os.path.abspath(__file__)), "chats.parquet"))
