"""What has a price: the names that kinds declare, without what prices are; volumes are EC2's, storage a database's."""

from __future__ import annotations

COMPUTE = "compute"
PUBLIC_IPV4 = "public_ipv4"
VOLUME, VOLUME_IOPS, VOLUME_THROUGHPUT = "volume", "volume_iops", "volume_throughput"
STORAGE, STORAGE_IOPS, STORAGE_THROUGHPUT = "storage", "storage_iops", "storage_throughput"
