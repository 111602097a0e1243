"""The whole path on real processes: replayed node → exporters → Prometheus → facade → answers."""
