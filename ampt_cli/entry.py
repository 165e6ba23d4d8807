"""Choose the command before importing it."""

import sys


def main() -> int:
    """Run the command line; its exit status."""
    command = sys.argv[1:2]
    if command == ["publish"]:
        from ampt_cli.commands import publish  # noqa: PLC0415  gate: publish never loads typer

        return publish.main(sys.argv[2:])
    if command == ["run"]:
        from ampt_cli.commands import run  # noqa: PLC0415  gate: an idle run never does

        return run.main(sys.argv[2:])
    if command == ["--complete"]:
        from ampt_cli.commands import complete  # noqa: PLC0415  gate: nor a TAB

        return complete.main(sys.argv[2:])
    if command in (["--version"], ["-V"]):
        from ampt_cli._version import __version__  # noqa: PLC0415  gate: nor does this

        sys.stdout.write(f"ampt {__version__}\n")
        return 0
    from ampt_cli.commands import tree  # noqa: PLC0415  gate: all the rest

    return tree.main(sys.argv[1:])
