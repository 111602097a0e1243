"""Tests of Cloud Monitoring, and the replayed cluster and harness that they stand on."""
