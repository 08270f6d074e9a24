"""Files of variables, as ``fileKeyRef`` reads them: ``NAME='value'`` lines, a value in single quotes and on as many
lines as it likes. Pure.

Source: kubernetes ``pkg/kubelet/util/env/env_parser.go``; KEP-3721.
"""

BLANKS = " \t"


class EnvFileError(ValueError):
    """The text is no such file; the message has the line."""


def value_of(text: str, name: str) -> str:
    """The value of a variable; ``""`` when it is not there. Lines after it are not read. Raises: EnvFileError."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    lines = [line.removesuffix("\r") for line in lines]
    number = 0
    while number < len(lines):
        line = lines[number].lstrip(BLANKS)
        number += 1
        if not line or line.startswith("#"):
            continue
        found, equals, rest = line.partition("=")
        where = f"invalid environment variable format at line {number}"
        if not equals:
            raise EnvFileError(f"{where}: missing '='")
        if not found.rstrip(BLANKS):
            raise EnvFileError(f"{where}: empty variable name")
        if found != found.rstrip(BLANKS):
            raise EnvFileError(f"{where}: whitespace before '=' is not allowed")
        if rest != rest.lstrip(BLANKS):
            # as in a shell: the variable is empty, what follows is a command
            if found == name:
                return ""
            continue
        if not rest.startswith("'"):
            raise EnvFileError(f"{where}: value must be enclosed in single quotes")
        value, number = _quoted(lines, number, rest[1:])
        if found == name:
            return value
    return ""


def _quoted(lines: list[str], number: int, rest: str) -> tuple[str, int]:
    """The text up to the closing quote, and the number of the line that it is on."""
    begun, pieces = number, []
    while "'" not in rest:
        pieces.append(rest)
        if number == len(lines):
            raise EnvFileError(f"invalid environment variable format starting at line {begun}: unclosed single quote")
        rest = lines[number]
        number += 1
    last, _, after = rest.partition("'")
    after = after.lstrip(BLANKS)
    if after and not after.startswith("#"):
        where = f"invalid environment variable format at line {number}"
        raise EnvFileError(f"{where}: unexpected content after closing quote")
    return "\n".join([*pieces, last]), number
