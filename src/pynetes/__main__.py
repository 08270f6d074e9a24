"""``python -m pynetes`` is the ``pynetes`` command."""

import sys

from pynetes.cli.main import main

sys.exit(main())
