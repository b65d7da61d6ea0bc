"""What torch and scikit-learn compute: trace, record, connect, cluster and the methods."""
