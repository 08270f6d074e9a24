"""The README's Python example, run as it stands; without the line that needs kubectl where there is none."""

import re
import shutil
import subprocess
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_the_example_of_the_readme_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    if shutil.which("kubectl") is None:
        example = "\n".join(line for line in example.splitlines() if "kubectl" not in line)
    labels = {"app": "web"}
    deployment = {
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": "web"}]},
            },
        },
    }
    exec(compile(example, str(README), "exec"), {"my_deployment": deployment, "subprocess": subprocess})
