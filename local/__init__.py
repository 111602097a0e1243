"""What ``make run`` does on one machine: find Prometheus, write the sample fleet's past day, start and stop all."""
