"""The measurements that scripts/bench.py runs, one function each."""
