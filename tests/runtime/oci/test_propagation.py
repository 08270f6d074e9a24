"""Which mounts of the node travel: concepts/storage/volumes, "Mount propagation"."""

import pytest

from pynetes.runtime.oci.propagation import complaint

MOUNTINFO = [
    "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw",
    "30 22 0:5 / /data rw shared:7 - ext4 /dev/vdb rw",
    "31 30 0:6 / /data/in\\040side rw master:9 - tmpfs tmpfs rw",
]


@pytest.mark.parametrize(
    ("path", "propagation", "why"),
    [
        ("/data/x", "rshared", ""),
        ("/data/x", "rslave", ""),
        ("/data/in side", "rslave", ""),
        ("/data/in side", "rshared", 'path "/data/in side" is mounted on "/data/in side" but it is not a shared mount'),
        ("/database", "rslave", 'path "/database" is mounted on "/" but it is not a shared or slave mount'),
        ("/tmp", "rshared", 'path "/tmp" is mounted on "/" but it is not a shared mount'),
        ("/tmp", "private", ""),
    ],
)
def test_a_private_mount_does_not_travel(path: str, propagation: str, why: str) -> None:
    assert complaint(path, propagation, MOUNTINFO) == why
