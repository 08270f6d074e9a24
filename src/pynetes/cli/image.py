"""Load, list, remove and build the images of a cluster. All its nodes share one image store.

pynetes image load FILE.tar            an OCI archive or layout, or what `docker save` wrote
pynetes image build -t NAME DIR        DIR/Dockerfile with FROM, COPY, ENTRYPOINT, CMD, ENV, USER, WORKDIR
pynetes image build -t NAME --rootfs DIR --cmd /bin/app    a root directory as it is
pynetes image ls
pynetes image rm NAME
"""

from argparse import REMAINDER, ArgumentParser, Namespace
from pathlib import Path

from pynetes.cli import flags
from pynetes.cli.terminal import step, table
from pynetes.cluster.config import ConfigError, cluster_dir
from pynetes.runtime.oci.build import build, from_directory
from pynetes.runtime.oci.images import ImageStore
from pynetes.runtime.oci.load import load
from pynetes.runtime.types import RuntimeFailure


def add_flags(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB", title="verbs")

    def verb(name: str, help: str, example: str) -> ArgumentParser:
        return verbs.add_parser(
            name,
            help=help,
            description=f"{help[0].upper()}{help[1:]}.\n\nexample: {example}",
            formatter_class=parser.formatter_class,
        )

    loader = verb("load", "bring images in from archives", "docker save app:1 -o app.tar && pynetes image load app.tar")
    loader.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="an OCI archive or layout, or what `docker save` wrote"
    )
    loader.add_argument(
        "-t", "--tag", action="append", default=[], metavar="NAME", help="a name instead of the archive's own"
    )
    builder = verb("build", "make an image without a daemon", "pynetes image build -t app:1 .")
    builder.add_argument("directory", type=Path, metavar="DIR", help="the build context, or with --rootfs the root")
    builder.add_argument("-t", "--tag", required=True, metavar="NAME", help="the image's name")
    builder.add_argument("-f", "--file", type=Path, metavar="FILE", help="the Dockerfile (default: DIR/Dockerfile)")
    builder.add_argument("--rootfs", action="store_true", help="DIR is the root directory itself")
    builder.add_argument("--cmd", nargs=REMAINDER, default=[], help="with --rootfs: the command; all words after it")
    verb("ls", "list the images", "pynetes image ls")
    remover = verb("rm", "remove images", "pynetes image rm app:1")
    remover.add_argument("names", nargs="+", metavar="NAME", help="as `pynetes image ls` shows it, or shorter")
    for each in verbs.choices.values():
        flags.add_name(each)


def run(options: Namespace) -> int:
    folder = cluster_dir(options.name)
    folder.load()  # a clear word when there is no such cluster
    store = ImageStore(folder.images)
    store.open()
    try:
        return {"load": _load, "build": _build, "ls": _list, "rm": _remove}[options.verb](store, options)
    except (RuntimeFailure, ValueError) as error:
        raise ConfigError(str(error)) from None


def _load(store: ImageStore, options: Namespace) -> int:
    for file in options.files:
        for record in load(store, file, options.tag):
            step(f"loaded {', '.join(record.tags) or record.id}")
    return 0


def _build(store: ImageStore, options: Namespace) -> int:
    if options.rootfs:
        record = from_directory(store, options.directory, options.tag, {"Cmd": options.cmd} if options.cmd else {})
    else:
        dockerfile = options.file or options.directory / "Dockerfile"
        if not dockerfile.is_file():
            raise ConfigError(
                f"there is no {dockerfile}; say -f FILE, or --rootfs where DIR is the image's root itself"
            )
        record = build(store, options.directory, dockerfile.read_text(), options.tag)
    step(f"built {options.tag} ({record.id[:19]})")
    return 0


def _list(store: ImageStore, options: Namespace) -> int:
    rows = []
    for record in store.all():
        for tag in record.tags or ("<none>",):
            rows.append((tag, record.id.partition(":")[2][:12], f"{record.size / 1e6:.1f} MB"))
    print(table(("IMAGE", "ID", "SIZE"), sorted(rows)))
    return 0


def _remove(store: ImageStore, options: Namespace) -> int:
    for name in options.names:
        if store.get(name) is None:
            raise ConfigError(f"there is no image {name!r}; `pynetes image ls` lists them")
        store.remove(name)
        step(f"removed {name}")
    return 0
